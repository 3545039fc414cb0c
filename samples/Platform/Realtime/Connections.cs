using System.Net.WebSockets;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults;
using Topology.Health;

namespace Platform.Realtime;

/// <summary>The connections of this pod.</summary>
internal sealed class Connections(
    TopicHub hub,
    RunStateStore states,
    RealtimeOptions options,
    RealtimeMetrics metrics,
    IOptions<HealthOptions> health,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<Connections> logger)
{
    public bool IsDraining => lifetime.ApplicationStopping.IsCancellationRequested;

    public bool TryOpen() => metrics.TryOpen(options.MaxConnections);

    public void Closed() => metrics.Close();

    public async Task RunAsync(WebSocket socket, IReadOnlyList<string> topics, CancellationToken aborted)
    {
        using var connection = new Connection(socket, hub, states, options, metrics, time, logger);

        // Spread over the time that is left, so that other pods are not stormed.
        using var draining = new CancellationTokenSource();
        using var stopping = lifetime.ApplicationStopping.Register(() => draining.CancelAfter(Jitter(health.Value.DrainDelay * 0.8)));
        await connection.RunAsync(topics, draining.Token, aborted);
    }

    private static TimeSpan Jitter(TimeSpan most) => most * Random.Shared.NextDouble();
}
