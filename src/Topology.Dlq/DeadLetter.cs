namespace Topology.Dlq;

/// <summary>One message that could not be handled: what it was, why it died, and what has been done about it since. Immutable.</summary>
/// <remarks>
/// A publisher fills in what it knows; <see cref="Status"/> and <see cref="ProcessorAttempts"/> come from the letter's mark and are only
/// set on letters that are read. The body is bytes with a content type: this package never serializes.
/// </remarks>
public sealed record DeadLetter
{
    /// <summary>The tenant of a letter that belongs to none.</summary>
    public const string NoTenant = "-";

    /// <summary>Gets the logical name of the queue, such as <c>agent.run.dlq</c>.</summary>
    public required string Queue { get; init; }

    /// <summary>Gets the letter's identity within its queue, the same however often the same failure is published.</summary>
    /// <value>1 to 64 letters, digits, <c>-</c> or <c>_</c>. <see cref="DeadLetterId.Of"/> makes one from any parts.</value>
    public required string Id { get; init; }

    /// <summary>Gets the subject of the message that died, or another name of what failed.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets the tenant the message belongs to.</summary>
    /// <value>The default is <see cref="NoTenant"/>. Any text is accepted.</value>
    public string Tenant { get; init; } = NoTenant;

    /// <summary>Gets why the message died: one of <see cref="DeadLetterReasons"/>, or a short code of the publisher.</summary>
    public required string Reason { get; init; }

    /// <summary>Gets the full type name of the root cause.</summary>
    public string? ErrorType { get; init; }

    /// <summary>Gets the message of the root cause.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>Gets the stack of the root cause.</summary>
    public string? ErrorStack { get; init; }

    /// <summary>Gets the headers of the message that died, in their order, without those of the transport (<c>Nats-*</c>).</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Gets the body of the message that died, byte for byte.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Gets the media type of <see cref="Body"/>.</summary>
    public string? ContentType { get; init; }

    /// <summary>Gets when handling failed for the first time.</summary>
    public DateTimeOffset FirstFailedAt { get; init; }

    /// <summary>Gets when handling failed for the last time.</summary>
    public DateTimeOffset LastFailedAt { get; init; }

    /// <summary>Gets how often the message's handler was started.</summary>
    public int Attempts { get; init; }

    /// <summary>Gets the last attempts, oldest first; at most 10.</summary>
    public IReadOnlyList<DeadLetterAttempt> History { get; init; } = [];

    /// <summary>Gets the value that letters with the same cause share.</summary>
    /// <value>Left empty, the publisher sets it from the reason, the error type and the first line of the stack.</value>
    public string Fingerprint { get; init; } = "";

    /// <summary>Gets how often the message was redriven: before it died this time, plus a redrive of this letter that was begun.</summary>
    public int RedriveCount { get; init; }

    /// <summary>Gets the workflow (run, saga) the message belongs to.</summary>
    public string? WorkflowId { get; init; }

    /// <summary>Gets where the message was taken from, when that was a stream.</summary>
    public DeadLetterSource? Source { get; init; }

    /// <summary>Gets whether the letter waits for its processor or for a person.</summary>
    public DeadLetterStatus Status { get; init; }

    /// <summary>Gets why the letter is parked.</summary>
    public string? ParkReason { get; init; }

    /// <summary>Gets how often the queue's processor was started for this letter.</summary>
    public int ProcessorAttempts { get; init; }

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

    /// <summary>Returns the letter with the root cause of an error: the innermost exception of a chain or of a single aggregate.</summary>
    /// <param name="error">What the handler threw.</param>
    /// <exception cref="ArgumentNullException"><paramref name="error"/> is <see langword="null"/>.</exception>
    public DeadLetter WithError(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        var root = RootOf(error);
        return this with { ErrorType = root.GetType().FullName, ErrorMessage = root.Message, ErrorStack = root.StackTrace ?? error.StackTrace };
    }

    internal static Exception RootOf(Exception error)
    {
        while (error.InnerException is { } inner && (error is not AggregateException many || many.InnerExceptions.Count == 1))
            error = inner;
        return error;
    }
}
