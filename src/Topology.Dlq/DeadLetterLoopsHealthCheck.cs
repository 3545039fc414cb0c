using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Topology.Dlq.Internal;

namespace Topology.Dlq;

/// <summary>Finds a loop of this process that is stuck: one that receives letters, takes messages or renews them. Thread safe.</summary>
/// <remarks>
/// It looks at memory only. Silence of two minutes is a failure, <c>loop_silent</c>; a processor may take its
/// <see cref="DeadLetterConsumerOptions.MaxProcessingTime"/> on top. Neither an idle queue nor a server that is away is one, nor a handler
/// that runs for long; but when every place of a guarded consumer is held by tries that ignored the end of their time, it is stuck.
/// <c>AddTopologyDlq</c> puts the registration into the container, where <c>AddTopologyHealth</c> finds it.
/// </remarks>
public sealed class DeadLetterLoopsHealthCheck : IHealthCheck
{
    /// <summary>The name under which the check is registered.</summary>
    public const string Name = "topology.dlq.loops";

    private readonly LoopBeats _beats;
    private readonly ILogger<DeadLetterLoopsHealthCheck> _logger;

    internal DeadLetterLoopsHealthCheck(LoopBeats beats, ILogger<DeadLetterLoopsHealthCheck> logger)
    {
        _beats = beats;
        _logger = logger;
    }

    /// <summary>Gets the check, with the tag <c>live</c>, for an <c>AddHealthChecks().Add(…)</c> without <c>AddTopologyHealth</c>.</summary>
    public static HealthCheckRegistration Registration => new(
        Name,
        static provider => new DeadLetterLoopsHealthCheck(
            provider.GetRequiredService<LoopBeats>(), provider.GetRequiredService<ILogger<DeadLetterLoopsHealthCheck>>()),
        HealthStatus.Unhealthy,
        ["live", "code:loop_silent"]);

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        var result = HealthCheckResult.Healthy();
        foreach (var beat in _beats.Silent)
        {
            result = new HealthCheckResult(context.Registration.FailureStatus, "loop_silent");
            if (beat.Report())
                Log.LoopSilent(_logger, beat.Loop);
        }

        return Task.FromResult(result);
    }
}
