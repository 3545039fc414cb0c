namespace Topology.Saga;

/// <summary>How one step is tried. Read when the definition is built.</summary>
public sealed class SagaStepOptions
{
    /// <summary>Gets or sets what may happen to the step after it has completed.</summary>
    /// <value>The default is <see cref="SagaStepKind.Compensable"/>.</value>
    public SagaStepKind Kind { get; set; } = SagaStepKind.Compensable;

    /// <summary>Gets or sets the time one try may take.</summary>
    /// <value>The default is 30 seconds; the range is 1 millisecond to 1 day.</value>
    /// <remarks>Then the try's token is cancelled. No other try starts before this one has returned.</remarks>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets or sets the retry profile that decides on the waits between tries and on what may be tried again.</summary>
    /// <value>The default is <c>default</c>.</value>
    public string RetryProfile { get; set; } = Retry.RetryProfileNames.Default;

    /// <summary>Gets or sets the number of tries in all.</summary>
    /// <value>The default is <see langword="null"/>: the profile's <c>max_attempts</c>. Otherwise 1 to 100.</value>
    public int? MaxAttempts { get; set; }
}
