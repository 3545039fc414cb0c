namespace Topology.Idempotency.Internal;

internal static class Milliseconds
{
    /// <summary>Gets a span in whole milliseconds, as Redis takes it; never a shorter one.</summary>
    public static long WholeMilliseconds(this TimeSpan span) => (long)Math.Ceiling(span.TotalMilliseconds);
}
