using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Topology.Retry;

/// <summary>The instruments of this package, on the meter <c>Topology.Retry</c>. Thread-safe.</summary>
/// <remarks>
/// <c>retry_total</c> counts retries that happen (tags <c>profile</c>, <c>error.type</c>); <c>retry.stopped</c> counts calls that ended
/// in failure (<c>profile</c>, <c>reason</c>); <c>retry.delay</c> and <c>retry.duration</c> are histograms in seconds;
/// <c>retry.budget.level</c> is the share of tokens left (<c>budget</c>); <c>retry.reload.failed</c> counts changes that were refused.
/// </remarks>
public sealed class RetryMetrics
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "Topology.Retry";

    private static readonly double[] DelayBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
    private static readonly double[] DurationBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

    private readonly Counter<long>? _retries;
    private readonly Counter<long>? _stopped;
    private readonly Counter<long>? _reloadFailed;
    private readonly Histogram<double>? _delay;
    private readonly Histogram<double>? _duration;
    private readonly ConcurrentDictionary<string, RetryBudget> _budgets = new(StringComparer.Ordinal);

    /// <summary>Initializes a new instance of the <see cref="RetryMetrics"/> class.</summary>
    /// <param name="meterFactory">The factory of the application; <see langword="null"/> makes no instruments.</param>
    public RetryMetrics(IMeterFactory? meterFactory)
    {
        if (meterFactory is null)
        {
            return;
        }

        var meter = meterFactory.Create(MeterName);
        _retries = meter.CreateCounter<long>("retry_total", description: "Retries that were made.");
        _stopped = meter.CreateCounter<long>("retry.stopped", "{call}", "Calls that ended in failure.");
        _reloadFailed = meter.CreateCounter<long>("retry.reload.failed", "{change}", "Changes of a retry profile that were refused.");
        _delay = meter.CreateHistogram("retry.delay", "s", "Waits before a retry.", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = DelayBuckets });
        _duration = meter.CreateHistogram("retry.duration", "s", "Whole calls, waits included.", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = DurationBuckets });
        meter.CreateObservableGauge("retry.budget.level", Levels, "1", "Share of a retry budget that is left.");
    }

    internal bool TimesCalls => _duration is { Enabled: true };

    internal void Retried(string profile, string errorType, TimeSpan delay, RetryDelaySource source)
    {
        if (_retries is { Enabled: true })
        {
            _retries.Add(1, new("profile", profile), new("error.type", errorType));
        }

        if (_delay is { Enabled: true })
        {
            _delay.Record(delay.TotalSeconds, new("profile", profile), new("source", source == RetryDelaySource.Server ? "server" : "backoff"));
        }
    }

    internal void Stopped(string profile, RetryStop stop)
    {
        if (_stopped is { Enabled: true })
        {
            _stopped.Add(1, new("profile", profile), new("reason", NameOf(stop)));
        }
    }

    internal void Ended(string profile, RetryStop stop, TimeSpan duration)
    {
        if (_duration is { Enabled: true })
        {
            _duration.Record(duration.TotalSeconds, new("profile", profile), new("outcome", NameOf(stop)));
        }
    }

    internal void ReloadFailed(string profile)
    {
        if (_reloadFailed is { Enabled: true })
        {
            _reloadFailed.Add(1, new KeyValuePair<string, object?>("profile", profile));
        }
    }

    internal void Watch(RetryBudget budget) => _budgets[budget.Name] = budget;

    private static string NameOf(RetryStop stop) => stop switch
    {
        RetryStop.Succeeded => "succeeded",
        RetryStop.NotRetryable => "not_retryable",
        RetryStop.Attempts => "attempts",
        RetryStop.Deadline => "deadline",
        RetryStop.ServerDelay => "server_delay",
        RetryStop.Budget => "budget",
        _ => "cancelled",
    };

    private IEnumerable<Measurement<double>> Levels() =>
        _budgets.Values.Select(budget => new Measurement<double>(budget.Level, new KeyValuePair<string, object?>("budget", budget.Name)));
}
