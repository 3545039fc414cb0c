namespace Topology.Retry;

/// <summary>One try, as its callback sees it.</summary>
public readonly struct RetryAttempt
{
    internal RetryAttempt(int number, TimeSpan? remaining, CancellationToken cancellationToken)
    {
        Number = number;
        Remaining = remaining;
        CancellationToken = cancellationToken;
    }

    /// <summary>Gets the number of this try; the first is 1.</summary>
    public int Number { get; }

    /// <summary>Gets the time this try may take before its token is cancelled, or <see langword="null"/> when nothing bounds it.</summary>
    /// <value>The smaller of the attempt timeout and what is left until the deadline, as of the start of the try.</value>
    public TimeSpan? Remaining { get; }

    /// <summary>Gets the token of this try: the caller's, the attempt timeout and the deadline together.</summary>
    public CancellationToken CancellationToken { get; }
}
