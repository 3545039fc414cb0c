namespace Topology.Saga;

/// <summary>What else a start may say.</summary>
public sealed class SagaStartOptions
{
    /// <summary>Gets or sets whom the saga is run for.</summary>
    /// <value>The default is <c>-</c>, nobody in particular.</value>
    public string Tenant { get; set; } = "-";
}
