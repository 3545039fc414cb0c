using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Topology.Resilience;

namespace Platform.ServiceDefaults;

/// <summary>Sees to it that the platform's streams exist, and tells whether they can be reached.</summary>
/// <remarks>Follows <c>nats.provision</c> as the packages do: creates in Development, only looks elsewhere. Starting never waits for it.</remarks>
public sealed partial class PlatformStreams(
    INatsConnection connection,
    PlatformStreams.Wanted wanted,
    IOptions<TopologyNatsOptions> nats,
    IHostEnvironment environment,
    TimeProvider time,
    ILogger<PlatformStreams> logger) : BackgroundService, IHealthCheck
{
    /// <summary>The name of the check.</summary>
    public const string CheckName = "platform.streams";

    /// <summary>The code of a check that failed.</summary>
    public const string Unreachable = "streams_unreachable";

    private readonly NatsJSContext _context = new(connection);

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            foreach (var stream in wanted.Streams)
            {
                await _context.GetStreamAsync(stream.Config.Name!, cancellationToken: cancellationToken);
            }

            await connection.PingAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception error) when (error is NatsException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, Unreachable, error);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var create = nats.Value.Provision is { } said ? said == TopologyProvisioning.Create : environment.IsDevelopment();
        while (create && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (var stream in wanted.Streams)
                {
                    // One that exists is left as it is: what it holds belongs to whoever made it.
                    await _context.CreateStreamAsync(stream.Config with { NumReplicas = nats.Value.Replicas }, stoppingToken);
                }

                return;
            }
            catch (NatsJSApiException other) when (other.Error.ErrCode == StreamExistsOtherwise)
            {
                LogDiffers(logger, other.Error.Description);
                return;
            }
            catch (Exception error) when (error is NatsException or OperationCanceledException && !stoppingToken.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private const int StreamExistsOtherwise = 10058;

    [LoggerMessage(LogLevel.Warning, "A stream of the platform exists with other settings, and is used as it is: {Description}")]
    private static partial void LogDiffers(ILogger logger, string? description);

    /// <summary>The streams of one service.</summary>
    /// <param name="Streams">The streams.</param>
    public sealed record Wanted(IReadOnlyList<StreamPlan> Streams);
}
