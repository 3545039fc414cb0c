namespace Topology.Health.Internal;

internal enum ProbeKind
{
    Live,
    Ready,
    Startup,
}
