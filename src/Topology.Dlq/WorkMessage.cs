using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Topology.Dlq.Internal;

namespace Topology.Dlq;

/// <summary>One message of a work stream, lent to a handler. Immutable.</summary>
public sealed record WorkMessage
{
    // Most handlers ask for nothing but the body, and the rest costs more.
    private readonly IWorkDelivery? _delivery;
    private readonly LetterIds? _letters;
    private readonly string? _stream;
    private readonly string? _consumer;

    /// <summary>Makes a message, as for a test of a handler.</summary>
    public WorkMessage()
    {
    }

    [SetsRequiredMembers]
    internal WorkMessage(IWorkDelivery delivery, LetterIds letters, string stream, string consumer)
    {
        _delivery = delivery;
        _letters = letters;
        Subject = delivery.Subject;
        Body = delivery.Body;
        _stream = stream;
        _consumer = consumer;
        RedriveCount = int.TryParse(LetterCodec.Find(delivery.Headers, RedriveHeaders.Count), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;
        RedriveId = LetterCodec.Find(delivery.Headers, RedriveHeaders.Id);
    }

    /// <summary>Gets the subject.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets the body.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Gets the headers in their order, without those of the transport and of this package.</summary>
    [field: AllowNull]
    public IReadOnlyList<KeyValuePair<string, string>> Headers
    {
        get => field ??= LetterCodec.Others(_delivery?.Headers, except: "Dlq-");
        init;
    }

    /// <summary>Gets where the message was taken from.</summary>
    [field: AllowNull]
    public required DeadLetterSource Source
    {
        get => field ??= new(_stream!, _delivery!.Sequence, _consumer!, _delivery.StoredAt, LetterCodec.Find(_delivery.Headers, "Nats-Msg-Id"));
        init;
    }

    /// <summary>Gets the number of this try, counted from 1.</summary>
    /// <value>After a process died in a first try it may be one too low: a first try is not written down.</value>
    public int Attempt { get; init; } = 1;

    /// <summary>Gets the id the message's letter would have; the same for every delivery.</summary>
    [field: AllowNull]
    public required string LetterId
    {
        get => field ??= _letters!.Of(_delivery!);
        init;
    }

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
