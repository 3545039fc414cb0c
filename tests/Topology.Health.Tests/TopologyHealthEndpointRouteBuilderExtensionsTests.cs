using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace Topology.Health.Tests;

public sealed class TopologyHealthEndpointRouteBuilderExtensionsTests
{
    [Fact]
    public async Task The_three_probes_answer_200_when_all_is_well()
    {
        await using var app = await HealthApp.StartAsync();
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, "healthy"), await app.LiveAsync());
        Assert.Equal((HttpStatusCode.OK, "healthy"), await app.StartupAsync());
    }

    [Fact]
    public async Task Paths_can_be_chosen()
    {
        await using var app = await HealthApp.StartAsync(configure: static options => options.LivePath = "/alive");
        using var response = await app.Client.GetAsync("/alive", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("no-store", response.Headers.CacheControl!.ToString());
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
    }

    [Fact]
    public async Task Head_is_answered_without_a_body()
    {
        await using var app = await HealthApp.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Head, "/health/live");
        using var response = await app.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_fallback_policy_does_not_shut_the_probes()
    {
        await using var app = await HealthApp.StartAsync(
            static builder =>
            {
                builder.Services.AddAuthentication("none").AddCookie("none");
                builder.Services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
            });
        Assert.Equal(HttpStatusCode.OK, (await app.LiveAsync()).Code);
    }

    [Fact]
    public async Task A_check_that_cannot_be_built_is_a_503_report()
    {
        await using var app = await HealthApp.StartAsync(static builder => builder.Services.AddHealthChecks()
            .Add(new HealthCheckRegistration("lost", static provider => provider.GetRequiredService<IHealthCheck>(), null, ["ready"])));
        await Until.True(async () => (await app.StartupAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "unhealthy"), await app.ReadyAsync());
        Assert.Equal(HttpStatusCode.OK, (await app.LiveAsync()).Code);
    }

    [Fact]
    public async Task Detail_is_shown_on_the_management_port_alone_whatever_the_host_header_says()
    {
        var port = FreePort();
        await using var app = await HealthApp.StartAsync(
            static builder => builder.Services.AddHealthChecks().Add(new TestCheck(HealthStatus.Healthy).As("nats", HealthStatus.Unhealthy, "ready")),
            options => options.ManagementPort = port, urls: $"http://127.0.0.1:0;http://127.0.0.1:{port}");
        var management = app.Addresses.Single(address => address.Port == port);
        var open = app.Addresses.Single(address => address.Port != port);
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Contains("nats", await BodyAsync(management, null), StringComparison.Ordinal);
        Assert.Equal("""{"probe":"ready","status":"healthy"}""", await BodyAsync(open, null));
        Assert.Equal("""{"probe":"ready","status":"healthy"}""", await BodyAsync(open, $"127.0.0.1:{port}"));

        async Task<string> BodyAsync(Uri server, string? host)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server, "/health/ready"));
            request.Headers.Host = host;
            using var response = await app.Client.SendAsync(request, TestContext.Current.CancellationToken);
            return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public async Task A_management_port_on_which_nobody_listens_is_told(int? off, bool told)
    {
        var port = FreePort();
        using var log = new FakeLoggerProvider();
        await using var app = await HealthApp.StartAsync(
            builder => builder.Logging.AddProvider(log), options => options.ManagementPort = port + off, urls: $"http://127.0.0.1:0;http://127.0.0.1:{port}");
        Assert.Equal(told ? 1 : 0, log.Collector.GetSnapshot().Count(record => record.Id.Id == 1408));
    }

    [Fact]
    public async Task A_thousand_probes_beside_a_hung_check_complete_and_cause_no_run_of_any_check()
    {
        var hung = new TaskCompletionSource<HealthCheckResult>();
        var stuck = new TestCheck(_ => hung.Task);
        var dependency = new TestCheck(HealthStatus.Healthy);
        await using var app = await HealthApp.StartAsync(
            builder => builder.Services.AddHealthChecks()
                .Add(stuck.As("stuck", HealthStatus.Degraded, "ready"))
                .Add(new HealthCheckRegistration("dependency", dependency, null, ["ready"]) { Period = TimeSpan.FromSeconds(20) }));
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        var runs = dependency.Runs;

        var codes = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(async _ => (await app.ReadyAsync()).Code));

        Assert.False(hung.Task.IsCompleted);
        Assert.All(codes, static code => Assert.Equal(HttpStatusCode.OK, code));
        Assert.Equal(1, stuck.Runs);
        Assert.Equal(runs, dependency.Runs);
        hung.SetResult(HealthCheckResult.Healthy());
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
