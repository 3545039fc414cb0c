namespace Topology.Resilience;

/// <summary>What is done about the streams and consumers that sagas and dead letters need on a NATS server.</summary>
public enum TopologyProvisioning
{
    /// <summary>What is missing is refused, what differs is reported. Nothing is written.</summary>
    Verify,

    /// <summary>What is missing is created, what differs is reported. Nothing that exists is changed.</summary>
    Create,

    /// <summary>Nothing is looked at.</summary>
    Off,
}
