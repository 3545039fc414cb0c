using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
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

    private const int StreamExistsOtherwise = 10058;

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
                    await CreateAsync(stream.Config with { NumReplicas = nats.Value.Replicas }, stoppingToken);
                }

                return;
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                LogNotYet(logger, error.Message);
                // A server that is away is asked once a second; the loop itself sees that the host stops.
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task CreateAsync(StreamConfig stream, CancellationToken cancellationToken)
    {
        try
        {
            await _context.CreateStreamAsync(stream, cancellationToken);
        }
        catch (NatsJSApiException other) when (other.Error.ErrCode == StreamExistsOtherwise)
        {
            LogDiffers(logger, stream.Name); // left as it is: what it holds belongs to whoever made it
        }
    }

    [LoggerMessage(LogLevel.Warning, "The platform's streams could not be made yet: {Error}")]
    private static partial void LogNotYet(ILogger logger, string error);

    [LoggerMessage(LogLevel.Warning, "The stream {Stream} exists with other settings, and is used as it is")]
    private static partial void LogDiffers(ILogger logger, string? stream);

    /// <summary>The streams of one service.</summary>
    /// <param name="Streams">The streams.</param>
    public sealed record Wanted(IReadOnlyList<StreamPlan> Streams);
}
