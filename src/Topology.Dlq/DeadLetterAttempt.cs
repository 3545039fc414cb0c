namespace Topology.Dlq;

/// <summary>One failed try to handle a message. Immutable.</summary>
/// <param name="Number">The try, counted from 1.</param>
/// <param name="FailedAt">When it failed.</param>
/// <param name="ErrorType">The full type name of what it threw, or <see langword="null"/> when it ended without a verdict.</param>
public sealed record DeadLetterAttempt(int Number, DateTimeOffset FailedAt, string? ErrorType);
