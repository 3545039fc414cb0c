namespace Topology.Idempotency.Tests;

/// <summary>The system's clock with a wall clock that is wrong, or with time that seems to have passed.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    /// <summary>How wrong the wall clock is.</summary>
    public TimeSpan Shift { get; set; }

    /// <summary>How much time seems to have passed, on both clocks.</summary>
    public TimeSpan Passed { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift + Passed;

    public override long GetTimestamp() => System.GetTimestamp() + (long)(Passed.TotalSeconds * TimestampFrequency);
}
