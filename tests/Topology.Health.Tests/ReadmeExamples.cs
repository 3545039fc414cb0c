using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Topology.Health.Tests;

/// <summary>The code of the package's README.</summary>
internal static class ReadmeExamples
{
    public static void Use(string[] args)
    {
        #region use
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddTopologyHealth();
        builder.Services.AddHealthChecks()
            .AddCheck<OrdersDatabaseCheck>("orders-db", HealthStatus.Unhealthy, [HealthProbeTags.Ready]);

        var app = builder.Build();
        app.MapTopologyHealth(); // /health/live, /health/ready, /health/startup
        app.Run();
        #endregion
    }

    #region loop
    public sealed class OrdersLoop(LivenessHeartbeats heartbeats, OrderQueue orders) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            using var heartbeat = heartbeats.Register("orders", longestSilence: TimeSpan.FromMinutes(1));
            while (!stoppingToken.IsCancellationRequested)
            {
                heartbeat.Beat();
                await orders.HandleNextAsync(longestWait: TimeSpan.FromSeconds(5), stoppingToken);
            }
        }
    }
    #endregion

    private sealed class OrdersDatabaseCheck : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
            Task.FromResult(HealthCheckResult.Healthy());
    }

    public abstract class OrderQueue
    {
        public abstract Task HandleNextAsync(TimeSpan longestWait, CancellationToken cancellationToken);
    }
}
