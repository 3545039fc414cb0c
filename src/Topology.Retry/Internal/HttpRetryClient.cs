using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Topology.Retry.Internal;

/// <summary>What all handlers and clients of one name share.</summary>
internal sealed class HttpRetryClient
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(100);
    private static readonly ConcurrentDictionary<int, string> StatusText = new();

    private readonly ConcurrentDictionary<string, bool> _reported = new(StringComparer.Ordinal);
    private readonly ILogger _logger;
    private volatile bool _timeoutTaken;

    public HttpRetryClient(string name, int maxBufferedContent, RetryPolicy policy, ILogger logger)
    {
        Name = name;
        MaxBufferedContent = maxBufferedContent;
        Policy = policy;
        _logger = logger;
        ClassifyResponse = Classify;
    }

    public string Name { get; }

    public int MaxBufferedContent { get; }

    public RetryPolicy Policy { get; }

    public Func<HttpResponseMessage, RetryVerdict> ClassifyResponse { get; }

    /// <summary>Gets the bound on each try that the client's own timeout was turned into.</summary>
    public TimeSpan? AttemptTimeout =>
        _timeoutTaken && Policy.Profile is { AttemptTimeout: null, OverallTimeout: null } ? DefaultTimeout : null;

    /// <summary>Moves the client's timeout out of the way of the retries when nobody chose it.</summary>
    /// <remarks>It is lifted to the longest call the profile can make and one try more, not to infinity: it still bounds a body that hangs.</remarks>
    public void TakeOverTimeout(HttpClient client)
    {
        if (client.Timeout != DefaultTimeout)
        {
            return;
        }

        _timeoutTaken = true;
        var profile = Policy.Profile;
        var attempt = profile.AttemptTimeout ?? DefaultTimeout;
        var longest = profile.LongestCall(attempt) + attempt;
        client.Timeout = longest.TotalMilliseconds < int.MaxValue ? longest : Timeout.InfiniteTimeSpan;
        if (AttemptTimeout is null)
        {
            Log.TimeoutLifted(_logger, Name, Policy.Name, client.Timeout);
        }
        else
        {
            Log.TimeoutBecameAttemptTimeout(_logger, Name, Policy.Name, client.Timeout);
        }
    }

    /// <summary>Says once for each kind that another handler retries too.</summary>
    public void ReportSecond(string handler)
    {
        if (_reported.TryAdd(handler, true))
        {
            Log.SecondRetryingHandler(_logger, Name, handler);
        }
    }

    private RetryVerdict Classify(HttpResponseMessage response)
    {
        if (!FailureRules.IsTransient(response.StatusCode))
        {
            return RetryVerdict.Unspecified;
        }

        TimeSpan? wait = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - Policy.Time.GetUtcNow(),
            _ => null,
        };
        var errorType = StatusText.GetOrAdd((int)response.StatusCode, static status => status.ToString(CultureInfo.InvariantCulture));
        return (wait is { } notBefore ? RetryVerdict.After(notBefore) : RetryVerdict.Retry) with { ErrorType = errorType };
    }
}
