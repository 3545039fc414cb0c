namespace Topology.Dlq;

/// <summary>What is done about the streams and consumers that queues need on a server.</summary>
public enum DeadLetterProvisioning
{
    /// <summary>What is missing is refused, what differs is reported. Nothing is written.</summary>
    Verify,

    /// <summary>What is missing is created, what differs is reported. Nothing that exists is changed: a shorter age would delete letters.</summary>
    Create,

    /// <summary>Nothing is looked at.</summary>
    Off,
}
