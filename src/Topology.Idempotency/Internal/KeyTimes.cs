namespace Topology.Idempotency.Internal;

/// <summary>The arithmetic of keys that carry a time: such a key never starts work twice, even after its record has expired.</summary>
/// <remarks>
/// A key of time k may start work from k − tolerance to k + tolerance, so the earliest moment at which a record of it can be gone is
/// k − tolerance + ttl. A first claim is written to end exactly then: one that reaches the store later leaves nothing behind, and
/// one whose answer comes later than <see cref="AnswerMargin"/> before it starts nothing.
/// </remarks>
internal static class KeyTimes
{
    public static readonly TimeSpan AnswerMargin = TimeSpan.FromSeconds(30);

    public static TimeSpan ShortestTtl(TimeSpan tolerance) => 2 * tolerance + TimeSpan.FromSeconds(60);

    public static bool InTolerance(DateTimeOffset keyTime, DateTimeOffset now, TimeSpan tolerance) => (now - keyTime).Duration() <= tolerance;

    public static DateTimeOffset FirstClaimEnds(DateTimeOffset keyTime, TimeSpan ttl, TimeSpan tolerance) => keyTime + ttl - tolerance;
}
