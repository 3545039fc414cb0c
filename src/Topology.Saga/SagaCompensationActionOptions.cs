namespace Topology.Saga;

/// <summary>How one step is undone.</summary>
public sealed class SagaCompensationActionOptions
{
    /// <summary>Gets or sets the name under which the action is registered, such as <c>refund_transaction</c>.</summary>
    public string Type { get; set; } = "";

    /// <summary>Gets or sets the time one try may take.</summary>
    /// <value>The default is 30 seconds; the range is 1 millisecond to 1 day.</value>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets or sets the number of tries after the first.</summary>
    /// <value>The default is 3; the range is 0 to 100. 3 makes 4 tries in all.</value>
    public int RetryCount { get; set; } = 3;

    /// <summary>Gets or sets the retry profile whose waits lie between the tries. Its attempts are not used.</summary>
    /// <value>The default is <see langword="null"/>: the profile <c>default</c>.</value>
    public string? Backoff { get; set; }

    /// <summary>Gets or sets what happens to the remaining compensations when all tries have failed.</summary>
    /// <value>The default is <see cref="SagaCompensationFailure.Continue"/>.</value>
    public SagaCompensationFailure OnFailure { get; set; } = SagaCompensationFailure.Continue;
}
