namespace Topology.Saga;

/// <summary>What holds for the sagas this process runs.</summary>
public sealed class SagaOptions
{
    /// <summary>Gets or sets the number of sagas run at the same time.</summary>
    /// <value>The default is 256; the range is 1 to 100,000.</value>
    public int MaxConcurrentSagas { get; set; } = 256;
}
