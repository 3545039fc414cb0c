namespace Topology.Retry;

/// <summary>A try failed and another one follows.</summary>
public readonly struct RetryEvent
{
    internal const string ResultErrorType = "result";

    private readonly string? _errorType;

    internal RetryEvent(string profile, int attempt, int maxAttempts, TimeSpan delay, RetryDelaySource delaySource, Exception? exception, string? errorType)
    {
        Profile = profile;
        Attempt = attempt;
        MaxAttempts = maxAttempts;
        Delay = delay;
        DelaySource = delaySource;
        Exception = exception;
        _errorType = errorType;
    }

    /// <summary>Gets the name of the profile.</summary>
    public string Profile { get; }

    /// <summary>Gets the number of the try that failed; the first is 1.</summary>
    public int Attempt { get; }

    /// <summary>Gets the number of tries the profile allows.</summary>
    public int MaxAttempts { get; }

    /// <summary>Gets the wait that begins now.</summary>
    public TimeSpan Delay { get; }

    /// <summary>Gets where the wait comes from.</summary>
    public RetryDelaySource DelaySource { get; }

    /// <summary>Gets the failure, or <see langword="null"/> when the try ended with a result that was refused.</summary>
    public Exception? Exception { get; }

    /// <summary>Gets the value of the <c>error.type</c> tag: a type name, a status such as <c>503</c>, or <c>result</c>.</summary>
    public string ErrorType => _errorType ?? ErrorTypeOf(Exception);

    internal static string ErrorTypeOf(Exception? exception) => exception is null ? ResultErrorType : exception.GetType().FullName ?? "unknown";
}
