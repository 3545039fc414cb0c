using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Topology.Retry.Tests;

public sealed class RetryReloadTests : IAsyncDisposable
{
    private readonly Changes _changes = new();
    private readonly FakeLogCollector _log;
    private readonly ServiceProvider _provider;
    private int _attempts = 5;

    public RetryReloadTests()
    {
        _provider = new ServiceCollection()
            .AddMetrics()
            .AddFakeLogging()
            .AddTopologyRetry()
            .Configure<RetryProfileOptions>("api_calls", options => (options.MaxAttempts, options.BaseDelay) = (_attempts, TimeSpan.Zero))
            .AddSingleton<IOptionsChangeTokenSource<RetryProfileOptions>>(_changes)
            .BuildServiceProvider();
        _log = _provider.GetFakeLogCollector();
    }

    public ValueTask DisposeAsync() => _provider.DisposeAsync();

    [Fact]
    public async Task A_changed_profile_applies_to_calls_that_start_later()
    {
        var policy = _provider.GetRequiredKeyedService<RetryPolicy>("api_calls");
        var calls = 0;
        var gate = new TaskCompletionSource();
        var earlier = policy.TryExecuteAsync(
            async ValueTask<int> (_) =>
            {
                calls++;
                await gate.Task;
                throw new TimeoutException();
            },
            TestContext.Current.CancellationToken);

        _attempts = 2;
        _changes.Signal();
        gate.SetResult();

        Assert.Equal(5, (await earlier).Attempts);
        Assert.Equal(2, (await policy.TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), TestContext.Current.CancellationToken)).Attempts);
    }

    [Fact]
    public void A_bad_change_keeps_the_last_good_profile_and_a_later_good_one_applies()
    {
        var policy = _provider.GetRequiredKeyedService<RetryPolicy>("api_calls");
        using var refused = new MetricCollector<long>(_provider.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "Topology.Retry", "retry.reload.failed");

        _attempts = 0;
        _changes.Signal();
        Assert.Equal(5, policy.MaxAttempts);
        Assert.Equal("api_calls", Assert.Single(refused.GetMeasurementSnapshot()).Tags["profile"]);
        Assert.Equal(1004, _log.LatestRecord.Id.Id);
        Assert.Contains("max_attempts is 0", _log.LatestRecord.Exception!.Message, StringComparison.Ordinal);

        _attempts = 9;
        _changes.Signal();
        Assert.Equal(9, policy.MaxAttempts);
    }

    private sealed class Changes : IOptionsChangeTokenSource<RetryProfileOptions>
    {
        private ConfigurationReloadToken _token = new();

        public string? Name => null;

        public IChangeToken GetChangeToken() => _token;

        public void Signal() => Interlocked.Exchange(ref _token, new ConfigurationReloadToken()).OnReload();
    }
}
