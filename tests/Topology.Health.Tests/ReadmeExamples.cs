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
            await foreach (var order in orders.PullAsync(stoppingToken))
            {
                heartbeat.Beat();
                await order.HandleAsync(stoppingToken);
            }
        }
    }
    #endregion

    private sealed class OrdersDatabaseCheck : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
            Task.FromResult(HealthCheckResult.Healthy());
    }

    public abstract class Order
    {
        public abstract Task HandleAsync(CancellationToken cancellationToken);
    }

    public abstract class OrderQueue
    {
        public abstract IAsyncEnumerable<Order> PullAsync(CancellationToken cancellationToken);
    }
}
