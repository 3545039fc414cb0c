using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Topology.Retry;

namespace Topology.Dlq.Internal;

/// <summary>Tells every sink once about a letter. A sink that fails is tried again by itself and keeps nobody else from being told.</summary>
internal sealed class AlertSender(
    IEnumerable<IDeadLetterAlertSink> sinks, IRetryPolicies policies, DeadLetterMetrics metrics, TimeProvider time, ILogger<AlertSender> logger)
{
    private static readonly TimeSpan FullAgain = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, long> _full = new(StringComparer.Ordinal);

    /// <exception cref="AggregateException">A sink could not be reached; those that were are remembered.</exception>
    public async ValueTask SendAsync(DeadLetterContext context, CancellationToken cancellationToken)
    {
        var letter = context.Letter;
        var alert = About(letter, letter.Reason);
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

    /// <summary>Tells every sink, at most once a minute for each queue, that a queue takes no letters.</summary>
    public async ValueTask SendFullAsync(DeadLetter refused, CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        var last = _full.GetOrAdd(refused.Queue, now);
        if (last != now && (time.GetElapsedTime(last) < FullAgain || !_full.TryUpdate(refused.Queue, now, last)))
            return;
        var policy = policies.Get(RetryProfileNames.ApiCalls);
        foreach (var sink in sinks)
        {
            try
            {
                await policy.ExecuteAsync(
                    (sink, alert: About(refused, DeadLetterReasons.QueueFull)),
                    static (state, attempt) => state.sink.SendAsync(state.alert, attempt),
                    cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                metrics.AlertFailed(refused.Queue);
                Log.AlertFailed(logger, failure, sink.Name, refused.Queue, refused.Id);
            }
        }
    }

    private static DeadLetterAlert About(DeadLetter letter, string reason) => new(
        letter.Queue, letter.Id, reason, letter.Subject, letter.Tenant, letter.WorkflowId, letter.ErrorType, letter.ErrorMessage, letter.LastFailedAt);
}
