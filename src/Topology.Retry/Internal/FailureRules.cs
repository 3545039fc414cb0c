using System.Data.Common;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Topology.Retry.Internal;

/// <summary>What is known about a failure without knowing the caller: transient, a mistake in the program, or neither.</summary>
internal static class FailureRules
{
    public static RetryVerdict Judge(Exception failure) => failure switch
    {
        IRetryHint hint => hint.MayRetry ? AfterOrRetry(hint.RetryAfter) : RetryVerdict.Stop,
        AggregateException { InnerExceptions: [var only] } => Judge(only),
        OperationCanceledException { InnerException: TimeoutException } => RetryVerdict.Retry,
        TimeoutException or SocketException => RetryVerdict.Retry,
        HttpRequestException http => Judge(http),
        FileNotFoundException or DirectoryNotFoundException or PathTooLongException or DriveNotFoundException => RetryVerdict.Stop,
        IOException => RetryVerdict.Retry,
        DbException { IsTransient: true } => RetryVerdict.Retry,
        // Mistakes in the program: another try would fail alike.
        ArgumentException or NullReferenceException or NotSupportedException or NotImplementedException
            or ObjectDisposedException or InvalidCastException or IndexOutOfRangeException or UnreachableException
            or TypeLoadException or MissingMemberException or BadImageFormatException => RetryVerdict.Stop,
        _ => RetryVerdict.Unspecified,
    };

    public static bool IsTransient(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)status >= 500;

    private static RetryVerdict AfterOrRetry(TimeSpan? retryAfter) => retryAfter is { } delay ? RetryVerdict.After(delay) : RetryVerdict.Retry;

    private static RetryVerdict Judge(HttpRequestException failure)
    {
        if (failure.StatusCode is { } status)
        {
            return IsTransient(status) ? RetryVerdict.Retry : RetryVerdict.Stop;
        }

        return failure.HttpRequestError is HttpRequestError.UserAuthenticationError or HttpRequestError.ConfigurationLimitExceeded
            or HttpRequestError.VersionNegotiationError or HttpRequestError.ExtendedConnectNotSupported
            ? RetryVerdict.Stop
            : RetryVerdict.Retry;
    }
}
