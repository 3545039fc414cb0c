namespace Topology.Dlq;

/// <summary>Letters with the same cause. Immutable.</summary>
/// <param name="Fingerprint">What they share.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Reason">Why the latest died.</param>
/// <param name="ErrorType">The root cause of the latest.</param>
/// <param name="ErrorMessage">The root cause's message of the latest.</param>
/// <param name="FirstFailedAt">The earliest failure.</param>
/// <param name="LastFailedAt">The latest failure.</param>
/// <param name="LatestId">The id of the latest, to look at.</param>
public sealed record DeadLetterGroup(
    string Fingerprint,
    int Count,
    string Reason,
    string? ErrorType,
    string? ErrorMessage,
    DateTimeOffset FirstFailedAt,
    DateTimeOffset LastFailedAt,
    string LatestId);
