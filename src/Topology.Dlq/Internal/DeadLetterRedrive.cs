namespace Topology.Dlq.Internal;

internal sealed class DeadLetterRedrive : IDeadLetterRedrive
{
    private const int MaxFailuresListed = 100;

    private readonly IDeadLetterQueueProvider _provider;
    private readonly DeadLetterQueues _queues;
    private readonly TimeProvider _time;
    private readonly DeadLetterMetrics _metrics;
    private readonly Dictionary<string, IRedriveTarget> _targets;

    public DeadLetterRedrive(
        IDeadLetterQueueProvider provider,
        DeadLetterQueues queues,
        TimeProvider time,
        DeadLetterMetrics metrics,
        IEnumerable<RedriveTargetRegistration> targets,
        IServiceProvider services)
    {
        _provider = provider;
        _queues = queues;
        _time = time;
        _metrics = metrics;
        _targets = targets.ToDictionary(target => target.Queue, target => target.Get(services), StringComparer.Ordinal);
    }

    private enum Outcome
    {
        Redriven,
        Resumed,
        Capped,
        Gone,
    }

    public async ValueTask<RedrivePlan> PlanAsync(RedriveRequest request, CancellationToken cancellationToken = default)
    {
        Require(request);
        int letters = 0, resumed = 0, capped = 0;
        var groups = new DeadLetterGrouping();
        await foreach (var (letter, mark) in SelectAsync(request.Query, cancellationToken).ConfigureAwait(false))
        {
            if (mark.RedriveStarted == 0 && letter.RedriveCount >= request.MaxRedrives)
            {
                capped++;
                continue;
            }

            letters++;
            if (mark.RedriveStarted > 0)
                resumed++;
            groups.Add(letter);
        }

        return new RedrivePlan(
            request.Query.Queue, letters, resumed, capped, _targets.ContainsKey(request.Query.Queue), groups.ToList());
    }

    public async ValueTask<RedriveResult> RunAsync(
        RedriveRequest request, IProgress<RedriveResult>? progress = null, CancellationToken cancellationToken = default)
    {
        Require(request);
        var queue = request.Query.Queue;
        if (!_targets.TryGetValue(queue, out var target))
            throw new DeadLetterException($"Dead-letter queue '{queue}' has no redrive target in this process; register one with AddRedriveTarget.") { Queue = queue };

        var result = new RedriveResult(0, 0, 0, 0, false, []);
        var failures = new List<KeyValuePair<string, string>>();
        var begun = _time.GetTimestamp();
        var handedOn = 0;
        await foreach (var (letter, mark) in SelectAsync(request.Query, cancellationToken).ConfigureAwait(false))
        {
            // Paced against the beginning, so that the rate holds however long each letter takes.
            if (request.MaxPerSecond is { } rate)
            {
                var wait = TimeSpan.FromSeconds(handedOn / rate) - _time.GetElapsedTime(begun);
                if (wait > TimeSpan.Zero)
                    await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var outcome = await RedriveAsync(target, letter, mark, request.MaxRedrives, cancellationToken).ConfigureAwait(false);
                result = outcome switch
                {
                    Outcome.Redriven => result with { Redriven = result.Redriven + 1 },
                    Outcome.Resumed => result with { Redriven = result.Redriven + 1, Resumed = result.Resumed + 1 },
                    Outcome.Capped => result with { Capped = result.Capped + 1 },
                    _ => result,
                };
                if (outcome is Outcome.Redriven or Outcome.Resumed)
                {
                    handedOn++;
                    _metrics.Redriven(queue, "done");
                }
            }
            catch (RedriveTargetFailure failure)
            {
                handedOn++;
                _metrics.Redriven(queue, "failed");
                if (failures.Count < MaxFailuresListed)
                    failures.Add(new(letter.Id, failure.InnerException!.Message));
                result = result with { Failed = result.Failed + 1, Failures = [.. failures] };
                if (result.Failed >= request.MaxFailures)
                    result = result with { Stopped = true };
            }

            progress?.Report(result);
            if (result.Stopped)
                break;
        }

        return result;
    }

    /// <summary>The order is the contract: started → handed on → done → closed. Each line may be the last one a crash leaves.</summary>
    private async ValueTask<Outcome> RedriveAsync(
        IRedriveTarget target, DeadLetter letter, DeadLetterMark mark, int maxRedrives, CancellationToken cancellationToken)
    {
        var resumed = mark.RedriveStarted > 0;
        if (!resumed)
        {
            if (letter.RedriveCount >= maxRedrives)
                return Outcome.Capped;
            var position = await Guard(() => target.GetPositionAsync(letter, cancellationToken)).ConfigureAwait(false);
            mark = await _provider.UpdateMarkAsync(
                mark,
                current => current.Closed is not null || current.RedriveStarted > 0
                    ? current
                    : current with { RedriveStarted = letter.RedriveCount + 1, RedrivePosition = position },
                cancellationToken).ConfigureAwait(false);
            if (mark.Closed is not null)
                return Outcome.Gone;
        }

        if (mark.RedriveDone < mark.RedriveStarted)
        {
            var redriveId = $"redrive:{letter.Id}:{mark.RedriveStarted}";
            var known = letter.With(mark);
            if (!resumed || !await Guard(() => target.IsPresentAsync(known, redriveId, mark.RedrivePosition, cancellationToken)).ConfigureAwait(false))
            {
                await Guard(async () =>
                {
                    using var span = DeadLetterTracing.Redrive(known);
                    await target.RedriveAsync(known, redriveId, cancellationToken).ConfigureAwait(false);
                    return true;
                }).ConfigureAwait(false);
            }

            mark = await _provider.UpdateMarkAsync(
                mark,
                current => current.RedriveDone >= current.RedriveStarted ? current : current with { RedriveDone = current.RedriveStarted },
                cancellationToken).ConfigureAwait(false);
        }

        await _provider.CloseAsync(mark, $"redriven: {mark.RedriveDone}", cancellationToken).ConfigureAwait(false);
        return resumed ? Outcome.Resumed : Outcome.Redriven;
    }

    private async IAsyncEnumerable<(DeadLetter Letter, DeadLetterMark Mark)> SelectAsync(
        DeadLetterQuery query, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var anyStatus = query with { Status = null };
        await foreach (var letter in _provider.ReadAsync(query.Queue, cancellationToken).ConfigureAwait(false))
        {
            if (!anyStatus.Selects(letter))
                continue;
            var mark = await _provider.ReadMarkAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
            if (mark.Closed is null && query.Selects(letter.With(mark)))
                yield return (letter, mark);
        }
    }

    /// <summary>Tells the target's failures, which leave one letter, from the provider's, which end the run.</summary>
    private static async ValueTask<T> Guard<T>(Func<ValueTask<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            throw new RedriveTargetFailure(failure);
        }
    }

    private void Require(RedriveRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.MaxPerSecond is { } rate)
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(rate, 0, nameof(request));
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxRedrives, 1, nameof(request));
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxFailures, 1, nameof(request));
        _ = _queues[request.Query.Queue];
    }

    private sealed class RedriveTargetFailure(Exception inner) : Exception("The redrive target failed.", inner);
}
