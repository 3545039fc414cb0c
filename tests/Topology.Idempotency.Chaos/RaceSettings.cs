namespace Topology.Idempotency.Chaos;

/// <summary>How many race for how much.</summary>
public sealed record RaceSettings(int Processes, int Keys, int MinRacers, int MaxRacers, bool Faults = false)
{
    /// <summary>Gets the lease of a claim. Claims whose answer got lost are waited for that long.</summary>
    public TimeSpan Lease => TimeSpan.FromSeconds(Faults ? 15 : 30);
}
