namespace Topology.Idempotency.Tests;

/// <summary>The system's clock with a wall clock that is wrong, as after a bad setting; the monotonic clock stays right.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    public TimeSpan Shift { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
}
