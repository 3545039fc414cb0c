using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Health.Tests;

public sealed class TopologyHealthServiceCollectionExtensionsTests
{
    [Fact]
    public void Twice_is_once_and_the_services_come_back()
    {
        var services = new ServiceCollection();
        Assert.Same(services, services.AddTopologyHealth());
        var before = services.ToArray();
        services.AddTopologyHealth();
        Assert.Equal(before, services);
    }

    [Fact]
    public void Each_call_configures()
    {
        using var provider = new ServiceCollection().AddLogging()
            .AddTopologyHealth(static options => options.FailureThreshold = 7)
            .AddTopologyHealth(static options => options.SuccessThreshold = 9)
            .BuildServiceProvider();
        var options = provider.GetRequiredService<IOptions<HealthOptions>>().Value;
        Assert.Equal((7, 9), (options.FailureThreshold, options.SuccessThreshold));
    }

    [Fact]
    public async Task A_check_tagged_live_and_ready_is_refused_at_start()
    {
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => HealthApp.StartAsync(
            builder => builder.Services.AddHealthChecks().Add(new TestCheck(HealthStatus.Healthy).As("nats", HealthStatus.Unhealthy, "live", "ready"))));
        Assert.Contains("'nats'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_registration_in_the_container_is_sampled_and_the_apps_own_of_the_same_name_wins()
    {
        var published = new TestCheck(HealthStatus.Healthy);
        var replaced = new TestCheck(HealthStatus.Unhealthy);
        var own = new TestCheck(HealthStatus.Healthy);
        await using var app = await HealthApp.StartAsync(builder =>
        {
            builder.Services.AddSingleton(published.As("topology.saga.loops", HealthStatus.Unhealthy, "live"));
            builder.Services.AddSingleton(replaced.As("topology.dlq.nats", HealthStatus.Unhealthy, "ready"));
            builder.Services.AddHealthChecks().Add(own.As("topology.dlq.nats", HealthStatus.Unhealthy, "ready"));
        });
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(published.Runs > 0);
        Assert.True(own.Runs > 0);
        Assert.Equal(0, replaced.Runs);
    }

    [Fact]
    public void Mapping_without_adding_says_what_is_missing()
    {
        var app = WebApplication.CreateBuilder().Build();
        var refused = Assert.Throws<InvalidOperationException>(() => app.MapTopologyHealth());
        Assert.Contains("AddTopologyHealth", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_aggregate_check_reports_the_snapshot_and_is_never_sampled()
    {
        var check = new TestCheck(HealthStatus.Unhealthy);
        await using var app = await HealthApp.StartAsync(
            builder => builder.Services.AddHealthChecks().AddTopologyHealth().AddTopologyHealth().Add(check.As("nats", HealthStatus.Unhealthy, "ready")),
            static options => options.Period = TimeSpan.FromSeconds(20),
            static app => app.MapHealthChecks("/healthz", new() { Predicate = static registration => registration.Name == "topology.health" }));
        await Until.True(async () => (await app.StartupAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        var runs = check.Runs;

        using var response = await app.Client.GetAsync("/healthz", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(runs, check.Runs);
        Assert.DoesNotContain(app.App.Services.GetRequiredService<Internal.HealthBoard>().Checks, static entry => entry.Name == "topology.health");
    }

    [Fact]
    public async Task A_check_without_a_place_is_not_run()
    {
        var check = new TestCheck(HealthStatus.Unhealthy);
        await using var app = await HealthApp.StartAsync(builder => builder.Services.AddHealthChecks().Add(check.As("forgotten", HealthStatus.Unhealthy)));
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(0, check.Runs);
    }
}
