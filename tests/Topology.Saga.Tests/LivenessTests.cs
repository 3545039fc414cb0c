using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using Topology.Saga.Internal;
using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>A worker's loop that hangs is found; one that waits, is full, or whose store is away is none.</summary>
public sealed class LivenessTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_check_is_published_once_for_the_liveness_probe()
    {
        await using var host = await StartAsync(Quick());

        var registration = Assert.Single(host.Services.GetServices<HealthCheckRegistration>());

        Assert.Equal("topology.saga.loops", registration.Name);
        Assert.Equal(["code:loop_silent", "live"], registration.Tags.Order());
        Assert.Equal(HealthStatus.Unhealthy, registration.FailureStatus);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_dispatcher_that_hangs_outside_its_waits_is_found(bool blocksItsThread)
    {
        using var hang = new ManualResetEventSlim();
        var dispatcher = new Dispatcher { BeforeItem = () => blocksItsThread ? Block(hang) : Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, Token) };
        await using var host = await StartAsync(Quick(), dispatcher);
        await Until.True(() => dispatcher.Asked > 0, cancellationToken: Token);

        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal((HealthStatus.Healthy, null), await CheckAsync(host));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal((HealthStatus.Unhealthy, "loop_silent"), await CheckAsync(host));
        hang.Set();
        dispatcher.BeforeItem = () => Task.CompletedTask;
    }

    [Fact]
    public async Task An_idle_worker_is_alive()
    {
        await using var host = await StartAsync(Quick());

        await BeatsForAnHourAsync(host, () => Look(host.Services.GetRequiredService<SagaHeartbeat>()) > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_worker_whose_store_is_away_is_alive()
    {
        var dispatcher = new Dispatcher { BeforeItem = () => throw new SagaStoreException("away") };
        await using var host = await StartAsync(Quick(), dispatcher);

        await BeatsForAnHourAsync(host, () => dispatcher.Asked > 0);

        Assert.True(dispatcher.Asked > 100);
    }

    [Fact]
    public async Task A_step_that_runs_long_is_no_hang_not_even_when_every_slot_is_taken()
    {
        var started = 0;
        var definition = SagaDefinition.Create<string>("s").Step("a", async (_, token) =>
        {
            Interlocked.Increment(ref started);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        }, new() { Timeout = TimeSpan.FromDays(1) }).Build();
        await using var host = await StartAsync(definition, configure: services => services.Configure<SagaOptions>(options => options.MaxConcurrentSagas = 2));
        for (var i = 0; i < 3; i++)
        {
            await host.Client.StartAsync(definition, $"{i}", "input", null, Token);
        }

        await Until.True(() => started == 2, cancellationToken: Token);
        for (var minutes = 0; minutes < 180; minutes += 10)
        {
            _time.Advance(TimeSpan.FromMinutes(10));
            await Until.True(async () => await CheckAsync(host) == (HealthStatus.Healthy, null), cancellationToken: Token);
        }
    }

    [Fact]
    public async Task A_worker_that_has_stopped_or_knows_no_saga_need_not_beat()
    {
        var host = await StartAsync(Quick());
        await host.StopAsync();
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal((HealthStatus.Healthy, null), await CheckAsync(host));
        await host.DisposeAsync();
    }

    private static SagaDefinition<string> Quick() => SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();

    private static Task Block(ManualResetEventSlim until)
    {
        until.Wait(Token);
        return Task.CompletedTask;
    }

    private static async Task<(HealthStatus, string?)> CheckAsync(SagaTestHost host)
    {
        var registration = host.Services.GetRequiredService<HealthCheckRegistration>();
        var result = await registration.Factory(host.Services).CheckHealthAsync(new HealthCheckContext { Registration = registration }, Token);
        return (result.Status, result.Description);
    }

    /// <summary>A loop may have set its timer only after the clock was moved, so it is moved on.</summary>
    private TimeSpan Look(SagaHeartbeat heartbeat)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        return heartbeat.Silence;
    }

    private async Task BeatsForAnHourAsync(SagaTestHost host, Func<bool> began)
    {
        var heartbeat = host.Services.GetRequiredService<SagaHeartbeat>();
        await Until.True(began, cancellationToken: Token);
        for (var seconds = 0; seconds < 3_600; seconds += 30)
        {
            _time.Advance(TimeSpan.FromSeconds(29));
            await Until.True(() => Look(heartbeat) < TimeSpan.FromSeconds(2), cancellationToken: Token);
            Assert.Equal((HealthStatus.Healthy, null), await CheckAsync(host));
        }
    }

    private Task<SagaTestHost> StartAsync(SagaDefinition definition, ISagaDispatcher? dispatcher = null, Action<IServiceCollection>? configure = null) =>
        SagaTestHost.StartAsync(new(_time), definition, configure: services =>
        {
            configure?.Invoke(services);
            if (dispatcher is not null)
            {
                services.Replace(ServiceDescriptor.Singleton(dispatcher));
            }
        });

    private sealed class Dispatcher : ISagaDispatcher
    {
        public required Func<Task> BeforeItem { get; set; }

        public int Asked { get; private set; }

        public async IAsyncEnumerable<ISagaLease> LeaseAsync(
            IReadOnlySet<string> definitions, Func<int> free, Action beat, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            Asked++;
            await BeforeItem().WaitAsync(cancellationToken);
            yield break;
        }

        public ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken) => new(true);

        public ValueTask WakeAsync(SagaId id, CancellationToken cancellationToken) => default;

        public ValueTask SetTimerAsync(SagaId id, string stepId, TimeSpan delay, CancellationToken cancellationToken) => default;

        public ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken) => new((SagaStart?)null);

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => default;
    }
}
