namespace Topology.Retry;

/// <summary>Which retry profiles exist. Each is the <see cref="RetryProfileOptions"/> of that name.</summary>
public sealed class RetryOptions
{
    /// <summary>Gets the names of the profiles.</summary>
    /// <value>The default holds the four names of <see cref="RetryProfileNames"/>.</value>
    public ISet<string> ProfileNames { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        RetryProfileNames.Default, RetryProfileNames.ApiCalls, RetryProfileNames.ToolCalls, RetryProfileNames.DatabaseOperations,
    };

    /// <summary>Gets or sets the source of randomness, uniform in [0, 1).</summary>
    /// <value>The default is <see langword="null"/>, the runtime's shared generator.</value>
    /// <remarks>Must be thread-safe. For tests and simulations.</remarks>
    public Func<double>? Random { get; set; }
}
