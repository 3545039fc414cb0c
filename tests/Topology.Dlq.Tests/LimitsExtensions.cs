using Microsoft.Extensions.DependencyInjection;

namespace Topology.Dlq.Tests;

internal static class LimitsExtensions
{
    public static void AddLimits(this IServiceCollection services, long bytes)
    {
        services.ConfigureAll<DeadLetterQueueOptions>(options => options.MaxBytes = bytes);
        services.Configure<JetStreamDeadLetterOptions>(options => options.MaxMarkBytes = bytes);
    }
}
