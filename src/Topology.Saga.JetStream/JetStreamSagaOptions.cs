namespace Topology.Saga.JetStream;

/// <summary>How sagas are kept on NATS JetStream.</summary>
public sealed class JetStreamSagaOptions
{
    /// <summary>Gets or sets what is done about streams and consumers when they are first used.</summary>
    /// <value>The default is <see cref="SagaProvisioning.Verify"/>.</value>
    public SagaProvisioning Provision { get; set; }

    /// <summary>Gets or sets on how many servers of a cluster streams are kept.</summary>
    /// <value>The default is 1; the range is 1 to 5.</value>
    /// <remarks>More than 1 is refused on servers before 2.9.21: two owners could append at the same version there.</remarks>
    public int Replicas { get; set; } = 1;

    /// <summary>Gets or sets what subjects begin with. In upper case, with <c>_</c> for dots, it begins the names of streams.</summary>
    /// <value>The default is <c>topology.saga</c>, with the streams <c>TOPOLOGY_SAGA_LOG</c>, <c>_ITEMS</c> and <c>_TIMERS</c>.</value>
    /// <remarks>Letters, digits and dots. Two applications on one account need two of them.</remarks>
    public string Prefix { get; set; } = "topology.saga";

    /// <summary>Gets or sets the time after which an item whose owner has fallen silent is another worker's.</summary>
    /// <value>The default is 30 seconds; the range is 1 second to 1 hour.</value>
    /// <remarks>Owners renew three times in it, so a long step needs no long wait.</remarks>
    public TimeSpan AckWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets or sets the bytes that the histories of sagas may take.</summary>
    /// <value>The default is 1 GiB, about 500,000 sagas of four steps; at least 1 MiB.</value>
    /// <remarks>At 90 % no further saga is started, so that those under way have room to end.</remarks>
    public long MaxLogBytes { get; set; } = 1L << 30;

    /// <summary>Gets or sets the bytes that starts, wake-ups and inboxes may take.</summary>
    /// <value>The default is 512 MiB; at least 1 MiB.</value>
    /// <remarks>At 90 % no further saga is started.</remarks>
    public long MaxItemBytes { get; set; } = 512L << 20;

    /// <summary>Gets or sets the bytes that timers may take.</summary>
    /// <value>The default is 128 MiB, about 500,000 timers; at least 1 MiB.</value>
    public long MaxTimerBytes { get; set; } = 128L << 20;
}
