using Microsoft.Extensions.Logging;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Tells every sink once about a letter. A sink that fails is tried again by itself and keeps nobody else from being told.</summary>
internal sealed class AlertSender(
    IEnumerable<IDeadLetterAlertSink> sinks, IRetryPolicies policies, DeadLetterMetrics metrics, ILogger<AlertSender> logger)
{
    /// <exception cref="AggregateException">A sink could not be reached; those that were are remembered.</exception>
    public async ValueTask SendAsync(DeadLetterContext context, CancellationToken cancellationToken)
    {
        var letter = context.Letter;
        var alert = new DeadLetterAlert(
            letter.Queue, letter.Id, letter.Reason, letter.Subject, letter.Tenant, letter.WorkflowId, letter.ErrorType, letter.ErrorMessage,
            letter.LastFailedAt);
        var policy = policies.Get(RetryProfileNames.ApiCalls);
        List<Exception>? failures = null;
        foreach (var sink in sinks)
        {
            try
            {
                await context.RunStepAsync(
                    $"alert:{sink.Name}",
                    token => policy.ExecuteAsync((sink, alert), static (state, attempt) => state.sink.SendAsync(state.alert, attempt), token),
                    cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                metrics.AlertFailed(letter.Queue);
                Log.AlertFailed(logger, failure, sink.Name, letter.Queue, letter.Id);
                (failures ??= []).Add(failure);
            }
        }

        if (failures is not null)
            throw new AggregateException($"{failures.Count} alert sinks could not be reached.", failures);
    }
}
