namespace Topology.Resilience;

/// <summary>How sagas and dead letters are kept on NATS JetStream.</summary>
public sealed class TopologyNatsOptions
{
    /// <summary>Gets or sets what is done about streams and consumers when they are first used.</summary>
    /// <value>The default is <see langword="null"/>: create in Development, verify elsewhere.</value>
    /// <remarks>Creating needs the right to do so on the server, which a running service should not have.</remarks>
    public TopologyProvisioning? Provision { get; set; }

    /// <summary>Gets or sets on how many servers of a cluster streams are kept.</summary>
    /// <value>The default is 1; the range is 1 to 5.</value>
    public int Replicas { get; set; } = 1;

    /// <summary>Gets or sets the time after which a saga whose owner has fallen silent is another worker's.</summary>
    /// <value>The default is 30 seconds; the range is 1 second to 1 hour.</value>
    /// <remarks>
    /// Owners renew three times in it, so a long step needs no long wait. A consumer that exists keeps its own: a longer one is reported,
    /// a shorter one is refused, because owners would renew too late for it.
    /// </remarks>
    public TimeSpan SagaAckWait { get; set; } = TimeSpan.FromSeconds(30);
}
