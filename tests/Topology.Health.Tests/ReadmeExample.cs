using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Topology.Health.Tests.Readme;

internal static class Example
{
    public static void Run(string[] args)
    {
        // <use>
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddTopologyHealth();
        builder.Services.AddHealthChecks()
            .AddCheck<OrdersDatabaseCheck>("orders-db", HealthStatus.Unhealthy, [HealthProbeTags.Ready]);

        var app = builder.Build();
        app.MapTopologyHealth();   // /health/live, /health/ready, /health/startup
        app.Run();
        // </use>
    }
}

// <loop>
public sealed class OrdersLoop(LivenessHeartbeats heartbeats, Orders orders) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var heartbeat = heartbeats.Register("orders", longestSilence: TimeSpan.FromMinutes(1));
        while (!stoppingToken.IsCancellationRequested)
        {
            heartbeat.Beat();
            await orders.HandleNextAsync(TimeSpan.FromSeconds(5), stoppingToken);
        }
    }
}
// </loop>

public sealed class Orders
{
    private readonly TimeProvider _timeProvider = TimeProvider.System;

    public Task HandleNextAsync(TimeSpan longestWait, CancellationToken cancellationToken) =>
        Task.Delay(longestWait, _timeProvider, cancellationToken);
}

internal sealed class OrdersDatabaseCheck : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(HealthCheckResult.Healthy());
}
