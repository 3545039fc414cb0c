using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Resilience.Internal;

/// <summary>A server's check, whose findings are said in words in the log.</summary>
/// <param name="check">The check.</param>
/// <param name="advice">What says them.</param>
/// <param name="endsByItself">Whether the client gives up by itself, and only then tells why: later than a probe may wait.</param>
internal sealed class AdvisedCheck(IHealthCheck check, ServerAdvice advice, bool endsByItself) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var running = RunAsync(context, endsByItself ? CancellationToken.None : cancellationToken);
        return await running.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<HealthCheckResult> RunAsync(HealthCheckContext context, CancellationToken cancellationToken)
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
