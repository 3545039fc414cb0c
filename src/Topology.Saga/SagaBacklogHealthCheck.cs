using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Topology.Saga.Internal;

namespace Topology.Saga;

/// <summary>Checks whether this process keeps up with its sagas, and whether some it ran need an operator. Calls no server. Thread safe.</summary>
/// <remarks>
/// Never unhealthy: a resting saga is work for people, not a reason to take a service out of rotation. Degraded descriptions are codes:
/// <c>resting</c> (a saga this process ran is <c>CompensationFailed</c>, <c>Stuck</c> or <c>Parked</c>), <c>no_free_slot</c>
/// (<see cref="SagaOptions.MaxConcurrentSagas"/> are running). The data holds both numbers.
/// </remarks>
public sealed class SagaBacklogHealthCheck : IHealthCheck
{
    /// <summary>The name under which the check is registered.</summary>
    public const string Name = "topology.saga.backlog";

    private readonly SagaBoard _board;
    private readonly SagaOptions _options;

    internal SagaBacklogHealthCheck(SagaBoard board, SagaOptions options)
    {
        _board = board;
        _options = options;
    }

    /// <summary>Gets the check for <c>AddHealthChecks().Add(…)</c>, with the tag <c>info</c>: it is shown and fails nothing.</summary>
    public static HealthCheckRegistration Registration => new(
        Name,
        static provider => new SagaBacklogHealthCheck(provider.GetRequiredService<SagaBoard>(), provider.GetRequiredService<IOptions<SagaOptions>>().Value),
        HealthStatus.Degraded,
        ["info", "code:resting", "code:no_free_slot"]);

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var (running, resting) = (_board.Running, _board.Resting);
        var data = new Dictionary<string, object>(StringComparer.Ordinal) { ["running"] = running, ["resting"] = resting };
        var code = running >= _options.MaxConcurrentSagas ? "no_free_slot" : resting > 0 ? "resting" : null;
        return Task.FromResult(code is null ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded(code, data: data));
    }
}
