namespace Topology.Saga;

/// <summary>What holds for the sagas this process runs.</summary>
public sealed class SagaOptions
{
    /// <summary>Gets or sets the number of sagas run at the same time.</summary>
    /// <value>The default is 256; the range is 1 to 100,000.</value>
    public int MaxConcurrentSagas { get; set; } = 256;

    /// <summary>Gets or sets how often a saga may lose its owner without getting on before it is parked.</summary>
    /// <value>The default is 10; the range is 1 to 1,000.</value>
    public int MaxTakeovers { get; set; } = 10;

    /// <summary>Gets or sets how long a saga may stand still because no worker knows its definition before it is parked.</summary>
    /// <value>The default is 15 minutes, long enough for a rolling deploy; the range is 1 second to 1 day.</value>
    public TimeSpan UnknownDefinitionTimeout { get; set; } = TimeSpan.FromMinutes(15);
}
