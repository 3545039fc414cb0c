using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

public sealed class RetryTelemetryTests : IDisposable
{
    private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly FakeLogger _logger = new();
    private readonly FakeTimeProvider _time = new();
    private int _calls;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private IMeterFactory Meters => _provider.GetRequiredService<IMeterFactory>();

    public void Dispose() => _provider.Dispose();

    [Fact]
    public async Task The_counter_of_the_specification_counts_retries_that_happen()
    {
        using var retries = new MetricCollector<long>(Meters, "Topology.Retry", "retry_total");
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var policy = Policy(TimeSpan.FromSeconds(1));

        var running = policy.ExecuteAsync(Task<int> (_) => throw new TimeoutException(), caller.Token);
        Assert.Empty(retries.GetMeasurementSnapshot());
        _time.Advance(TimeSpan.FromSeconds(1));
        var counted = Assert.Single(retries.GetMeasurementSnapshot());
        await caller.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => running);

        Assert.Equal(1, counted.Value);
        Assert.Equal(("api_calls", "System.TimeoutException"), (counted.Tags["profile"], counted.Tags["error.type"]));
        Assert.Null(retries.Instrument!.Unit);
        Assert.Single(retries.GetMeasurementSnapshot());
    }

    [Fact]
    public async Task Waits_and_calls_are_measured_in_seconds_with_buckets()
    {
        using var delays = new MetricCollector<double>(Meters, "Topology.Retry", "retry.delay");
        using var durations = new MetricCollector<double>(Meters, "Topology.Retry", "retry.duration");
        var policy = Policy(TimeSpan.FromSeconds(1));

        var running = policy.ExecuteAsync(_ => ++_calls == 1 ? throw new TimeoutException() : new ValueTask<int>(1), Token).AsTask();
        _time.Advance(TimeSpan.FromSeconds(1));
        await running;

        Assert.Equal(1, Assert.Single(delays.GetMeasurementSnapshot()).Value);
        var duration = Assert.Single(durations.GetMeasurementSnapshot());
        Assert.Equal((1, "succeeded"), (duration.Value, duration.Tags["outcome"]));
        Assert.Equal("s", durations.Instrument!.Unit);
        Assert.Contains(60, ((Histogram<double>)durations.Instrument).Advice!.HistogramBucketBoundaries!);
    }

    [Fact]
    public async Task A_call_that_succeeds_at_once_is_measured_too()
    {
        using var durations = new MetricCollector<double>(Meters, "Topology.Retry", "retry.duration");

        await Policy(TimeSpan.Zero).ExecuteAsync(_ => new ValueTask<int>(1), Token);

        Assert.Single(durations.GetMeasurementSnapshot());
    }

    [Fact]
    public async Task The_level_of_a_budget_is_observed()
    {
        await using var provider = new ServiceCollection()
            .AddMetrics()
            .AddTopologyRetry()
            .Configure<RetryProfileOptions>("api_calls", options => (options.Budget, options.BaseDelay) = ("llm", TimeSpan.Zero))
            .BuildServiceProvider();
        using var levels = new MetricCollector<double>(provider.GetRequiredService<IMeterFactory>(), "Topology.Retry", "retry.budget.level");
        var policy = provider.GetRequiredKeyedService<RetryPolicy>("api_calls");

        await policy.TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), Token);
        levels.RecordObservableInstruments();

        var level = Assert.Single(levels.GetMeasurementSnapshot());
        Assert.Equal((0.6, "llm"), (level.Value, level.Tags["budget"]));
    }

    [Fact]
    public async Task Each_retry_is_an_event_of_the_current_activity()
    {
        using var source = new ActivitySource("Topology.Retry.Tests");
        using var listener = new ActivityListener { ShouldListenTo = candidate => candidate == source, Sample = static (ref _) => ActivitySamplingResult.AllData };
        ActivitySource.AddActivityListener(listener);
        using var activity = source.StartActivity("call");

        await Policy(TimeSpan.Zero).TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), Token);

        Assert.Equal(["retry", "retry"], activity!.Events.Select(e => e.Name));
        Assert.Contains(new("error.type", "System.TimeoutException"), activity.Events.First().Tags);
    }

    [Fact]
    public async Task An_outage_does_not_flood_the_log()
    {
        _logger.ControlLevel(LogLevel.Debug, false);
        _logger.ControlLevel(LogLevel.Trace, false);
        var policy = Policy(TimeSpan.Zero);
        for (var i = 0; i < 1_000; i++)
        {
            await policy.TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), Token);
        }

        Assert.Equal([1001, 1002], _logger.Collector.GetSnapshot().Select(line => line.Id.Id));
        _time.Advance(TimeSpan.FromSeconds(10));
        await policy.TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), Token);
        Assert.Contains("999 more", _logger.LatestRecord.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_debug_on_every_retry_is_told()
    {
        await Policy(TimeSpan.Zero).TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), Token);

        Assert.Equal([1000, 1000, 1002], _logger.Collector.GetSnapshot().Select(line => line.Id.Id));
    }

    [Fact]
    public async Task A_logger_that_throws_never_replaces_the_outcome()
    {
        var policy = new RetryPolicy(new RetryProfileOptions { BaseDelay = TimeSpan.Zero }, logger: new BrokenLogger());

        Assert.Equal(3, await policy.ExecuteAsync(_ => ++_calls < 3 ? throw new TimeoutException() : new ValueTask<int>(_calls), Token));
        await Assert.ThrowsAsync<TimeoutException>(() => policy.ExecuteAsync(Task<int> (_) => throw new TimeoutException(), Token));
    }

    private RetryPolicy Policy(TimeSpan baseDelay) => new(
        new RetryProfileOptions { BaseDelay = baseDelay, Jitter = RetryJitter.None },
        "api_calls",
        timeProvider: _time,
        logger: _logger,
        metrics: new RetryMetrics(Meters));

    private sealed class BrokenLogger : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel == LogLevel.Debug ? true : throw new InvalidOperationException("a bug");

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new InvalidOperationException("a bug");
    }
}
