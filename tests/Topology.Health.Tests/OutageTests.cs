using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using StackExchange.Redis;

namespace Topology.Health.Tests;

/// <summary>Real servers go away and come back. The outage lasts 3 seconds, with <c>test.sh --full</c> 60.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1" ? 60 : 3);
    private NatsServer _nats = null!;
    private RedisServer _redis = null!;

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        _redis = await RedisServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task While_NATS_and_Redis_are_away_live_stays_200_and_ready_turns_503_once_and_comes_back_once(bool gone)
    {
        await using var app = await StartAsync();
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        using var watch = new ProbeWatch(app.Addresses[0]);

        if (gone)
        {
            await _nats.KillAsync(TestContext.Current.CancellationToken);
            await _redis.KillAsync(TestContext.Current.CancellationToken);
        }
        else
        {
            _nats.Pause();
            _redis.Pause();
        }

        await Until.True(() => watch.Ready is [HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable], cancellationToken: TestContext.Current.CancellationToken);
        await Task.Delay(Outage, TestContext.Current.CancellationToken);
        if (gone)
        {
            await _redis.StartAgainAsync(TestContext.Current.CancellationToken);
            await _nats.StartAgainAsync(TestContext.Current.CancellationToken);
        }
        else
        {
            _redis.Continue();
            _nats.Continue();
        }

        await Until.True(() => watch.Ready.Count == 3, cancellationToken: TestContext.Current.CancellationToken);
        var probes = watch.Probes;
        await Until.True(() => watch.Probes > probes + 20, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK], watch.Ready);
        Assert.Equal([HttpStatusCode.OK], watch.Live);
    }

    [Fact]
    public async Task A_service_that_starts_during_an_outage_is_started_and_alive_and_gets_ready_when_it_ends()
    {
        await _nats.StopAsync(TestContext.Current.CancellationToken);
        await _redis.StopAsync(TestContext.Current.CancellationToken);
        await using var app = await StartAsync();
        using var watch = new ProbeWatch(app.Addresses[0]);

        await Until.True(async () => (await app.StartupAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "unhealthy"), await app.ReadyAsync());
        await _nats.StartAgainAsync(TestContext.Current.CancellationToken);
        await _redis.StartAgainAsync(TestContext.Current.CancellationToken);
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal([HttpStatusCode.OK], watch.Live);
    }

    private async Task<HealthApp> StartAsync()
    {
        var options = ConfigurationOptions.Parse(_redis.ConnectionString);
        options.AbortOnConnectFail = false;
        options.ConnectTimeout = 1_000;
        var redis = await ConnectionMultiplexer.ConnectAsync(options);
        var nats = new NatsConnection(NatsOpts.Default with
        {
            Url = _nats.Url,
            MaxReconnectRetry = -1,
            RetryOnInitialConnect = true,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(100),
            ReconnectWaitMax = TimeSpan.FromMilliseconds(500),
        });
        return await HealthApp.StartAsync(builder =>
        {
            // Registered by factory, so that the container disposes them with the app.
            builder.Services.AddSingleton(_ => redis).AddSingleton(_ => nats);
            builder.Services.AddHealthChecks()
                .Add(new HealthCheckRegistration("redis", static provider => new TestCheck(async _ =>
                {
                    await provider.GetRequiredService<ConnectionMultiplexer>().GetDatabase().PingAsync();
                    return HealthCheckResult.Healthy();
                }), null, ["ready"]))
                .Add(new HealthCheckRegistration("nats", static provider => new TestCheck(async token =>
                {
                    await provider.GetRequiredService<NatsConnection>().PingAsync(token);
                    return HealthCheckResult.Healthy();
                }), null, ["ready"]));
        }, static options => options.Timeout = TimeSpan.FromSeconds(1));
    }
}
