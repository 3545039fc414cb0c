namespace Topology.Idempotency.Chaos;

/// <summary>How many race for how much.</summary>
public sealed record RaceSettings(int Processes, int Keys, int MinRacers, int MaxRacers, bool Faults = false);
