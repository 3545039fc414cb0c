using Microsoft.Extensions.Logging;

namespace Topology.Retry.Internal;

internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Debug, "Retry {Profile}: try {Attempt} of {MaxAttempts} failed with {ErrorType}; the next begins in {DelaySeconds:0.###} s ({DelaySource}).")]
    public static partial void Retrying(ILogger logger, string profile, int attempt, int maxAttempts, string errorType, double delaySeconds, RetryDelaySource delaySource);

    [LoggerMessage(1001, LogLevel.Information, "Retry {Profile}: try {Attempt} of {MaxAttempts} failed with {ErrorType}; the next begins in {DelaySeconds:0.###} s. {Unsaid} more since the last such line; at most one each 10 s.")]
    public static partial void RetryingSome(ILogger logger, string profile, int attempt, int maxAttempts, string errorType, double delaySeconds, long unsaid);

    [LoggerMessage(1002, LogLevel.Warning, "Retry {Profile}: gave up after {Attempts} tries ({Stop}), last failure {ErrorType}. {Unsaid} more since the last such line; at most one each 10 s.")]
    public static partial void GaveUp(ILogger logger, string profile, int attempts, RetryStop stop, string errorType, long unsaid);

    [LoggerMessage(1003, LogLevel.Warning, "Retry {Profile}: a callback ({Callback}) threw; the call is not affected.")]
    public static partial void CallbackFailed(ILogger logger, Exception exception, string profile, string callback);

    [LoggerMessage(1004, LogLevel.Error, "Retry {Profile}: the changed configuration is refused and the last good one stays in force.")]
    public static partial void ReloadRefused(ILogger logger, Exception exception, string profile);

    [LoggerMessage(1010, LogLevel.Debug, "HttpClient {Client}: its default timeout of 100 s now bounds each try of retry profile {Profile}; the whole call is bounded by {LongestCall}.")]
    public static partial void TimeoutBecameAttemptTimeout(ILogger logger, string client, string profile, TimeSpan longestCall);

    [LoggerMessage(1011, LogLevel.Debug, "HttpClient {Client}: its default timeout of 100 s is lifted to {LongestCall}, the longest call retry profile {Profile} can make.")]
    public static partial void TimeoutLifted(ILogger logger, string client, string profile, TimeSpan longestCall);

    [LoggerMessage(1012, LogLevel.Warning, "HttpClient {Client}: {Handler} on the same chain retries too, so tries multiply; keep one of them.")]
    public static partial void SecondRetryingHandler(ILogger logger, string client, string handler);
}
