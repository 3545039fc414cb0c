namespace Topology.Idempotency.Chaos;

/// <summary>How many race for how much.</summary>
public sealed record RaceSettings(int Processes, int Keys, int MinRacers, int MaxRacers, bool Faults = false)
{
    /// <summary>Gets the lease of a claim: one that outlasts any stall of a busy machine, unless claims get lost and are waited for.</summary>
    public TimeSpan Lease => TimeSpan.FromSeconds(Faults ? 15 : 120);
}
