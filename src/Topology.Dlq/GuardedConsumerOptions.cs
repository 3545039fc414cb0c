using Topology.Retry;

namespace Topology.Dlq;

/// <summary>One guarded consumer of a work stream. Named options; the name is the consumer's durable name.</summary>
public sealed class GuardedConsumerOptions
{
    /// <summary>Gets or sets the work stream. It must exist: it belongs to those who publish to it.</summary>
    public string Stream { get; set; } = "";

    /// <summary>Gets or sets the one subject to consume.</summary>
    /// <value>The default is <see langword="null"/>, all of the stream.</value>
    public string? FilterSubject { get; set; }

    /// <summary>Gets or sets the logical name of the queue that takes messages which cannot be handled.</summary>
    /// <value>The default is <c>agent.run.dlq</c>.</value>
    public string Queue { get; set; } = DeadLetterQueueNames.AgentRun;

    /// <summary>Gets or sets the retry profile: how many tries, which delays, what is never tried again.</summary>
    /// <value>The default is <c>default</c>.</value>
    public string RetryProfile { get; set; } = RetryProfileNames.Default;

    /// <summary>Gets or sets how many handlers run at the same time in this process.</summary>
    /// <value>The default is 16; the range is 1 to 1,000.</value>
    public int Concurrency { get; set; } = 16;

    /// <summary>Gets or sets how many messages are in hand in this process, running and waiting together.</summary>
    /// <value>The default is 32; the range is <see cref="Concurrency"/> to 10,000.</value>
    public int Prefetch { get; set; } = 32;

    /// <summary>Gets or sets how long a message is lent without being renewed. Messages in hand are renewed each third of it.</summary>
    /// <value>The default is 30 seconds; the range is 1 second to 1 hour.</value>
    public TimeSpan AckWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets or sets how long one try may take.</summary>
    /// <value>The default is 5 minutes; the range is 1 second to 1 day.</value>
    /// <remarks>At its end the handler's token is cancelled and the try has failed. A handler that ignores the token keeps its place, but
    /// its message is not renewed any longer.</remarks>
    public TimeSpan MaxProcessingTime { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets or sets how many messages may be unacknowledged, in all processes together: in hand or waiting for their next try.</summary>
    /// <value>The default is 100,000; the range is twice <see cref="Prefetch"/> to 1,000,000.</value>
    /// <remarks>Beyond half of it a failed message is set aside: a copy in the stream <c>{queue}_DELAYED</c> takes its place and is tried at the
    /// full minute after its delay.</remarks>
    public int MaxAckPending { get; set; } = 100_000;

    /// <summary>Gets or sets how many different messages must fail, none succeeding in between, to be taken for an outage.</summary>
    /// <value>The default is 20; the range is 2 to 10,000. More than <see cref="Concurrency"/> and the poison messages to expect at once.</value>
    /// <remarks>In an outage one message at a time is tried, at growing pauses, and its failure does not count: the backlog is not
    /// dead-lettered for a dependency that is away.</remarks>
    public int OutageThreshold { get; set; } = 20;

    /// <summary>Gets or sets how long failures are not counted for an outage.</summary>
    /// <value>The default is 1 hour; the range is 1 second to 7 days.</value>
    /// <remarks>A backlog of nothing but poison looks like an outage; after this time its failures count again.</remarks>
    public TimeSpan MaxOutage { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Gets or sets the header that holds a message's tenant.</summary>
    /// <value>The default is <c>tenant</c>.</value>
    public string TenantHeader { get; set; } = "tenant";

    /// <summary>Gets or sets the header that holds a message's workflow (run, saga).</summary>
    /// <value>The default is <c>workflow-id</c>.</value>
    public string WorkflowIdHeader { get; set; } = "workflow-id";
}
