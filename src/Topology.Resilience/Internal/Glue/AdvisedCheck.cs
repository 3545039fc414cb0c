using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Resilience.Internal;

/// <summary>A server's check, whose findings are said in words in the log.</summary>
internal sealed class AdvisedCheck(IHealthCheck check, ServerAdvice advice) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var result = await check.CheckHealthAsync(context, cancellationToken).ConfigureAwait(false);
            advice.Tell(context.Registration.Name, result);
            return result;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The check's time is over: the server took the question and gives no answer.
            advice.Tell(context.Registration.Name, new HealthCheckResult(context.Registration.FailureStatus));
            throw;
        }
    }
}
