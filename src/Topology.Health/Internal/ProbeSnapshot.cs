namespace Topology.Health.Internal;

/// <summary>The answer of one probe, and the answer to give instead once its samples are too old.</summary>
/// <remarks><paramref name="StaleFrom"/> is the first timestamp of the board's clock at which <paramref name="Stale"/> holds.</remarks>
internal sealed record ProbeSnapshot(ProbeAnswer Current, ProbeAnswer Stale, long StaleFrom)
{
    public ProbeAnswer At(long timestamp) => timestamp < StaleFrom ? Current : Stale;
}
