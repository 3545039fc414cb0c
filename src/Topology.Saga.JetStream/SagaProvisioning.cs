namespace Topology.Saga.JetStream;

/// <summary>What is done about the streams and consumers that sagas need on a server.</summary>
public enum SagaProvisioning
{
    /// <summary>What is missing is refused, what differs is reported. Nothing is written.</summary>
    Verify,

    /// <summary>What is missing is created, what differs is reported. Nothing that exists is changed.</summary>
    Create,

    /// <summary>Nothing is looked at.</summary>
    Off,
}
