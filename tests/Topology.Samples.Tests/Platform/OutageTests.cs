using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

/// <summary>A server that all services lean on is away for a while.</summary>
[Collection(PlatformCollection.Name)]
public sealed class OutageTests(PlatformFixture platform)
{
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(5);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ServiceProcess[] All => [platform.Gateway, platform.Orchestrator, platform.Router, platform.Realtime, platform.Ingestion];

    [Fact]
    public async Task Services_start_before_their_servers_and_are_ready_when_those_come()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await Task.WhenAll(nats.StopAsync(Token), redis.StopAsync(Token));
        string[] names = ["ApiGateway", "Orchestrator", "Realtime", "Ingestion"];
        var services = await Task.WhenAll(names.Select(name => platform.StartAsync(
            name, Token, ("ConnectionStrings__nats", nats.Url), ("ConnectionStrings__redis", redis.ConnectionString))));
        foreach (var service in services)
        {
            await Until.Value(() => service.ReadAsync("ready", Token), ready => ready == (503, """{"probe":"ready","status":"unhealthy"}"""), cancellationToken: Token);
            Assert.Equal(200, await service.ProbeAsync("live", Token));
        }

        await Task.WhenAll(nats.StartAgainAsync(Token), redis.StartAgainAsync(Token));
        foreach (var service in services)
        {
            await service.ReadyAsync(Token);
            await service.DisposeAsync();
        }
    }

    [Fact]
    public async Task NATS_is_away_for_five_seconds_and_no_accepted_run_is_lost()
    {
        var accepted = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var posting = PostUntilAsync(accepted, stop.Token);
        await Until.True(() => accepted.Count >= 5, cancellationToken: Token);

        await platform.Nats.StopAsync(Token);
        var clock = Stopwatch.StartNew();
        try
        {
            foreach (var service in (ServiceProcess[])[platform.Gateway, platform.Orchestrator, platform.Realtime, platform.Ingestion])
                await Until.Value(() => service.ProbeAsync("ready", Token), status => status == 503, cancellationToken: Token);
            await Until.True(() => clock.Elapsed >= Away, cancellationToken: Token);
            foreach (var service in All)
                Assert.Equal(200, await service.ProbeAsync("live", Token));
            Assert.Equal(200, await platform.Router.ProbeAsync("ready", Token)); // it decides without NATS
        }
        finally
        {
            await platform.Nats.StartAgainAsync(Token);
        }

        clock.Restart();
        foreach (var service in All)
            await service.ReadyAsync(Token);
        TestContext.Current.TestOutputHelper!.WriteLine($"all services ready {clock.Elapsed.TotalSeconds:0.0} s after NATS was back");
        var before = accepted.Count;
        await Until.True(() => accepted.Count > before + 5, TimeSpan.FromSeconds(60), Token);
        await stop.CancelAsync();
        await posting;
        foreach (var run in accepted)
            await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);
    }

    [Fact]
    public async Task Without_Redis_no_run_is_accepted_and_what_is_known_can_still_be_read()
    {
        var customer = Guid.NewGuid().ToString("N");
        var run = await platform.PostRunAsync(customer, customer, Token);
        await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);

        await platform.Redis.StopAsync(Token);
        try
        {
            using (var refused = await PlatformFixture.SendRunAsync(platform.Gateway, "k-" + customer, customer, Token))
            {
                Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
                Assert.NotNull(refused.Headers.RetryAfter);
            }

            await Until.Value(() => platform.Gateway.ProbeAsync("ready", Token), status => status == 503, cancellationToken: Token);
            Assert.Equal(200, await platform.Gateway.ProbeAsync("live", Token));
            Assert.Equal(200, await platform.Realtime.ProbeAsync("ready", Token));
            Assert.Equal("Completed", (await platform.GetRunAsync(run, Token))!.Status);
        }
        finally
        {
            await platform.Redis.StartAgainAsync(Token);
        }

        await platform.Gateway.ReadyAsync(Token);
        var next = await platform.PostRunAsync("k-" + customer, customer, Token);
        await platform.WaitForRunAsync(next, state => state.Status == "Completed", Token);
    }

    private async Task PostUntilAsync(ConcurrentBag<string> accepted, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var key = Guid.NewGuid().ToString("N");
            using var response = await PlatformFixture.SendRunAsync(platform.Gateway, key, key, Token);
            if (response.StatusCode == HttpStatusCode.Accepted)
                accepted.Add(response.Headers.Location!.ToString().Split('/')[^1]);
            else
                Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode); // told, and not kept: it may be sent again
            await Task.Delay(50, CancellationToken.None);
        }
    }
}
