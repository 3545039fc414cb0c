namespace Topology.Retry;

/// <summary>Bounds one named retry profile, such as <c>tool_calls</c>.</summary>
/// <remarks>
/// The wait before try <c>n+1</c> is <c>min(BaseDelay * ExponentialBase^(n-1), MaxDelay)</c>, spread by <see cref="Jitter"/> and never
/// longer than <see cref="MaxDelay"/>, jitter included.
/// </remarks>
public sealed class RetryProfileOptions
{
    /// <summary>Gets or sets the number of calls made in all, the first one included.</summary>
    /// <value>The default is 3; the range is 1 to 100.</value>
    /// <remarks>1 turns retries off. 0 is refused at start.</remarks>
    public int MaxAttempts { get; set; } = 3;

    /// <summary>Gets or sets the wait before the second call.</summary>
    /// <value>The default is 1 second; the range is 0 to 1 day.</value>
    public TimeSpan BaseDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets or sets the longest computed wait, jitter included.</summary>
    /// <value>The default is 60 seconds; the range is <see cref="BaseDelay"/> to 7 days.</value>
    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Gets or sets the factor by which each wait grows.</summary>
    /// <value>The default is 2; the range is 1 to 10. 1 keeps the wait constant.</value>
    public double ExponentialBase { get; set; } = 2;

    /// <summary>Gets or sets how waits are spread so that clients that failed together do not come back together.</summary>
    /// <value>The default is <see cref="RetryJitter.Proportional(double)"/> with 0.1, the specification's ±10 %.</value>
    /// <remarks>For a dependency shared by many clients use <see cref="RetryJitter.Equal"/>.</remarks>
    public RetryJitter Jitter { get; set; } = RetryJitter.Proportional(0.1);

    /// <summary>Gets or sets the time one call may take.</summary>
    /// <value>The default is <see langword="null"/>, no bound; otherwise 1 millisecond to 1 day.</value>
    /// <remarks>A call cut off by it fails with <see cref="TimeoutException"/> and is retried.</remarks>
    public TimeSpan? AttemptTimeout { get; set; }

    /// <summary>Gets or sets the time all calls and waits together may take.</summary>
    /// <value>The default is <see langword="null"/>, no bound; otherwise 1 millisecond to 7 days.</value>
    /// <remarks>A wait that does not fit any more is not begun: the last failure is returned at once.</remarks>
    public TimeSpan? OverallTimeout { get; set; }

    /// <summary>Gets or sets the longest wait a server may ask for, by <c>Retry-After</c> or <see cref="IRetryHint"/>.</summary>
    /// <value>The default is <see langword="null"/>: the larger of <see cref="MaxDelay"/> and 120 seconds. Otherwise 0 to 7 days.</value>
    /// <remarks>A longer hint is not shortened; it ends the retries with the real failure.</remarks>
    public TimeSpan? MaxServerDelay { get; set; }

    /// <summary>Gets or sets what happens to a failure that no rule names.</summary>
    /// <value>The default is <see cref="UnknownFailure.Retry"/>, as in the specification.</value>
    public UnknownFailure Unknown { get; set; } = UnknownFailure.Retry;

    /// <summary>Gets or sets the name of the budget this profile draws on.</summary>
    /// <value>The default is <see langword="null"/>, no budget.</value>
    /// <remarks>Profiles that name the same budget share it. Its size is the <see cref="RetryBudgetOptions"/> of that name.</remarks>
    public string? Budget { get; set; }

    /// <summary>Gets or sets the rule that judges a failure before the built-in rules do.</summary>
    /// <value>The default is <see langword="null"/>: only the built-in rules.</value>
    /// <remarks>Return <see cref="RetryVerdict.Unspecified"/> to leave a failure to them. If it throws, they decide. Must be thread-safe.</remarks>
    public Func<Exception, RetryVerdict>? Classify { get; set; }

    /// <summary>Gets or sets what is told of each retry that follows, before its wait begins.</summary>
    /// <value>The default is <see langword="null"/>.</value>
    /// <remarks>An exception it throws is logged and changes nothing. Must be thread-safe and quick.</remarks>
    public Action<RetryEvent>? OnRetry { get; set; }

    /// <summary>Returns the specification's numbers for a profile, or the defaults for a name it does not know.</summary>
    /// <param name="name">The name of the profile.</param>
    public static RetryProfileOptions ForProfile(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name switch
        {
            RetryProfileNames.ApiCalls => new()
            {
                MaxAttempts = 5,
                BaseDelay = TimeSpan.FromMilliseconds(500),
                MaxDelay = TimeSpan.FromSeconds(30),
            },
            RetryProfileNames.ToolCalls => new()
            {
                BaseDelay = TimeSpan.FromSeconds(2),
                MaxDelay = TimeSpan.FromSeconds(120),
            },
            RetryProfileNames.DatabaseOperations => new()
            {
                BaseDelay = TimeSpan.FromMilliseconds(100),
                MaxDelay = TimeSpan.FromSeconds(5),
                ExponentialBase = 1.5,
            },
            _ => new(),
        };
    }
}
