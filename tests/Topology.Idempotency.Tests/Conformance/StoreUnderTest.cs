namespace Topology.Idempotency.Tests.Conformance;

/// <summary>A store whose clock a rule can move.</summary>
public abstract class StoreUnderTest
{
    public abstract IIdempotencyStore Store { get; }

    /// <summary>Lets time pass for the store's records.</summary>
    public abstract Task PassAsync(TimeSpan time);

    /// <summary>A key whose time lies this far in the past, as the store sees it.</summary>
    public abstract IdempotencyRecordKey TimedKey(string name, TimeSpan age);
}
