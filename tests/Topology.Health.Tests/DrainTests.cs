using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Topology.Health.Tests;

public sealed class DrainTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task From_the_first_moment_of_a_stop_ready_is_503_while_work_is_served_for_the_drain_delay(bool direct)
    {
        await using var app = await HealthApp.StartAsync(
            configure: static options => options.DrainDelay = TimeSpan.FromSeconds(2), map: static app => app.MapGet("/work", static () => "done"));
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        var lifetime = app.App.Services.GetRequiredService<IHostApplicationLifetime>();
        using var client = new HttpClient { BaseAddress = app.Addresses[0] };

        var clock = System.Diagnostics.Stopwatch.StartNew();
        var stopped = direct ? app.App.StopAsync(TestContext.Current.CancellationToken) : StopAsSigtermDoes();

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "draining"), await app.ReadyAsync());
        Assert.Equal("done", await client.GetStringAsync("/work", TestContext.Current.CancellationToken));
        Assert.Equal(HttpStatusCode.OK, (await app.LiveAsync()).Code);
        Assert.True(lifetime.ApplicationStopping.IsCancellationRequested, "loops hear of the stop at the start of the drain");
        await stopped;
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(1.9), $"stopped after {clock.Elapsed}");

        Task StopAsSigtermDoes()
        {
            lifetime.StopApplication();
            return app.App.WaitForShutdownAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_host_that_gives_up_ends_the_drain()
    {
        await using var app = await HealthApp.StartAsync(
            static builder => builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = TimeSpan.FromMinutes(15)),
            static options => options.DrainDelay = TimeSpan.FromMinutes(5));
        using var impatient = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await app.App.StopAsync(impatient.Token).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_kept_open_connection_is_closed_with_its_next_response()
    {
        await using var app = await HealthApp.StartAsync(
            configure: static options => options.DrainDelay = TimeSpan.FromSeconds(2), map: static app => app.MapGet("/work", static () => "done"));
        Assert.NotEqual(true, (await WorkAsync()).Headers.ConnectionClose);
        var stopped = app.App.StopAsync(TestContext.Current.CancellationToken);
        var response = await WorkAsync();
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(response.Headers.ConnectionClose);
        await stopped;

        Task<HttpResponseMessage> WorkAsync() => app.Client.GetAsync("/work", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_load_balancer_that_watches_ready_loses_no_request_when_one_of_two_instances_stops()
    {
        HealthApp[] apps = [await StartAsync(), await StartAsync()];
        await using var first = apps[0];
        await using var second = apps[1];
        using var balancer = new LoadBalancer(apps.Select(static app => app.Addresses[0]), "/work");
        await Until.True(() => balancer.InRotation == 2, cancellationToken: TestContext.Current.CancellationToken);

        var requests = balancer.SendAsync(perSecond: 200, TimeSpan.FromSeconds(6), TestContext.Current.CancellationToken);
        await Until.True(() => balancer.Served(0) > 100 && balancer.Served(1) > 100, cancellationToken: TestContext.Current.CancellationToken);
        await apps[0].App.StopAsync(TestContext.Current.CancellationToken);
        var stoppedAt = balancer.Served(1);
        var (sent, failed) = await requests;

        Assert.Equal(0, failed);
        Assert.True(sent >= 1_000, $"{sent} requests in 6 s");
        Assert.True(balancer.Served(1) > stoppedAt, "the load went on after the stop");

        static Task<HealthApp> StartAsync() => HealthApp.StartAsync(
            configure: static options => options.DrainDelay = TimeSpan.FromSeconds(2),
            map: static app => app.MapGet("/work", static async () =>
            {
                await Task.Delay(50, CancellationToken.None);
                return "done";
            }));
    }
}
