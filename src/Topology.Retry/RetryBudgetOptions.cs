namespace Topology.Retry;

/// <summary>Bounds one named, shareable retry budget.</summary>
/// <remarks>
/// A token bucket as in gRPC's retry throttling (gRFC A6) and the AWS SDKs: a retry takes <see cref="RetryCost"/>, a success gives
/// <see cref="SuccessCredit"/> back. In a full outage retries stop once the bucket is empty, whatever each profile allows.
/// </remarks>
public sealed class RetryBudgetOptions
{
    /// <summary>Gets or sets the tokens a full budget holds.</summary>
    /// <value>The default is 100; the range is 1 to 1,000,000.</value>
    public int MaxTokens { get; set; } = 100;

    /// <summary>Gets or sets the tokens one retry takes.</summary>
    /// <value>The default is 10; the range is 1 to <see cref="MaxTokens"/>.</value>
    public int RetryCost { get; set; } = 10;

    /// <summary>Gets or sets the tokens one success gives back.</summary>
    /// <value>The default is 1; the range is 0 to <see cref="MaxTokens"/>.</value>
    public int SuccessCredit { get; set; } = 1;
}
