namespace Topology.Dlq;

/// <summary>One message of a work stream, lent to a handler. Immutable.</summary>
public sealed record WorkMessage
{
    /// <summary>Gets the subject.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets the body.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Gets the headers in their order, without those of the transport and of this package.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Gets where the message was taken from.</summary>
    public required DeadLetterSource Source { get; init; }

    /// <summary>Gets the number of this try, counted from 1.</summary>
    /// <value>After a process died in a first try it may be one too low: a first try is not written down.</value>
    public int Attempt { get; init; } = 1;

    /// <summary>Gets the id the message's letter would have; the same for every delivery.</summary>
    public required string LetterId { get; init; }

    /// <summary>Gets how often the message came back from a dead-letter queue.</summary>
    public int RedriveCount { get; init; }

    /// <summary>Gets the identity of the redrive the message came back by, or <see langword="null"/>.</summary>
    public string? RedriveId { get; init; }

    /// <summary>Returns the first value of a header, or <see langword="null"/>. Names compare without case.</summary>
    /// <param name="name">The header's name.</param>
    public string? FindHeader(string name)
    {
        foreach (var header in Headers)
        {
            if (string.Equals(header.Key, name, StringComparison.OrdinalIgnoreCase))
                return header.Value;
        }

        return null;
    }
}
