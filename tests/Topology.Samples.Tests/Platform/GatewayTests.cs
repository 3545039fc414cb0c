using System.Net;
using System.Text.RegularExpressions;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

[Collection(PlatformCollection.Name)]
public sealed partial class GatewayTests(PlatformFixture platform)
{
    private static readonly string[] SpecifiedMetrics =
    [
        "queue_depth", "active_connections", "cpu_utilization", "memory_utilization",
        "retry_total", "dlq_messages_total", "saga_compensations_total", "idempotency_hits_total",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tenant_beyond_its_limit_is_told_to_wait_and_the_others_are_served()
    {
        await using var gateway = await platform.StartAsync("ApiGateway", Token, ("TenantLimit__PerMinute", "5"));
        await gateway.ReadyAsync(Token);
        for (var i = 0; i < 5; i++)
            Assert.Equal(HttpStatusCode.NotFound, (await SendAsync("a")).Status);
        var (status, retryAfter) = await SendAsync("a");
        Assert.Equal(HttpStatusCode.TooManyRequests, status);
        Assert.InRange(retryAfter!.Value.TotalSeconds, 1, 60);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync("b")).Status);
        Assert.Equal(200, await gateway.ProbeAsync("ready", Token)); // probes are never limited

        async Task<(HttpStatusCode Status, TimeSpan? RetryAfter)> SendAsync(string tenant)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/runs/{new string('0', 32)}") { Headers = { { "X-Tenant", tenant } } };
            using var response = await gateway.Http.SendAsync(request, Token);
            return (response.StatusCode, response.Headers.RetryAfter?.Delta);
        }
    }

    [Fact]
    public async Task All_metrics_of_the_specification_are_in_one_scrape_of_the_services()
    {
        // Something of each kind happens: a retry, a compensation, a replay, a dead letter.
        var customer = Guid.NewGuid().ToString("N");
        await platform.BreakAsync(customer, "inventory_reservation", "fail", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);
        Assert.Equal(run, await platform.PostRunAsync(customer, customer, Token));
        await platform.WaitForRunAsync(run, state => state.IsFinal, Token);
        await new NATS.Client.JetStream.NatsJSContext(platform.Connection).PublishAsync("agent.run.requested", "not json"u8.ToArray(), cancellationToken: Token);

        ServiceProcess[] services = [platform.Gateway, platform.Orchestrator, platform.Router, platform.Realtime, platform.Ingestion];
        var scrape = await Until.Value(
            async () => string.Join('\n', await Task.WhenAll(services.Select(service => service.Http.GetStringAsync("/metrics", Token)))),
            text => SpecifiedMetrics.All(name => Samples(text).ContainsKey(name)),
            TimeSpan.FromSeconds(60),
            Token);
        var samples = Samples(scrape);
        Assert.InRange(samples["memory_utilization"], 0.01, 100);
        Assert.InRange(samples["cpu_utilization"], 0, 100 * Environment.ProcessorCount);
        Assert.True(samples["router_decision_latency_ms_count"] > 0);
        Assert.Contains("ws_active_connections", samples.Keys);
    }

    [Fact]
    public async Task A_management_port_keeps_metrics_and_details_off_the_public_one()
    {
        var port = Random.Shared.Next(12_000, 32_000);
        await using var router = await platform.StartAsync("RouterService", Token, ("ManagementPort", $"{port}"));
        Assert.Equal(HttpStatusCode.NotFound, (await router.Http.GetAsync("/metrics", Token)).StatusCode);
        Assert.DoesNotContain("checks", await router.Http.GetStringAsync("/health/live", Token), StringComparison.Ordinal);
        using var management = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        Assert.Contains("cpu_utilization", await management.GetStringAsync("/metrics", Token), StringComparison.Ordinal);
        Assert.Contains("checks", await management.GetStringAsync("/health/live", Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_trace_leads_from_the_gateway_over_the_router_to_the_orchestrator()
    {
        var (trace, customer) = (Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString("N"));
        using var response = await PlatformFixture.SendRunAsync(platform.Gateway, customer, customer, Token, $"00-{trace}-{trace[..16]}-01");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        foreach (var service in (string[])["api-gateway", "router-service", "orchestrator"])
            await Until.True(() => platform.Traces.Has(service, trace), TimeSpan.FromSeconds(60), Token, $"spans of {service}");
        Assert.False(platform.Traces.Has("ingestion", trace));
    }

    private static Dictionary<string, double> Samples(string scrape) => Sample().Matches(scrape)
        .GroupBy(match => match.Groups[1].Value)
        .ToDictionary(group => group.Key, group => group.Max(match => double.Parse(match.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture)));

    [GeneratedRegex(@"^([a-z_]+)(?:\{[^}]*\})? ([0-9.eE+-]+)", RegexOptions.Multiline)]
    private static partial Regex Sample();
}
