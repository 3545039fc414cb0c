namespace Topology.Dlq.Internal;

internal sealed class DeadLetterRedrive : IDeadLetterRedrive
{
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

    public async ValueTask<RedrivePlan> PlanAsync(RedriveRequest request, CancellationToken cancellationToken = default)
    {
        Require(request);
        int letters = 0, resumed = 0, capped = 0;
        var groups = new DeadLetterGrouping();
        await foreach (var letter in CandidatesAsync(request.Query, cancellationToken).ConfigureAwait(false))
        {
            var mark = await _provider.ReadMarkAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
            if (mark.Closed is not null || !request.Query.Selects(letter.With(mark)))
                continue;
            if (mark.RedriveStarted == 0 && letter.RedriveCount >= request.MaxRedrives)
            {
                capped++;
                continue;
            }

            letters++;
            if (mark.RedriveStarted > 0)
                resumed++;
            groups.Add(letter.With(mark));
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

        var run = new RedriveRun(request, _metrics, progress, _time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var underWay = new List<Task>();
        try
        {
            await foreach (var letter in CandidatesAsync(request.Query, end.Token).ConfigureAwait(false))
            {
                if (!await run.EnterAsync(end.Token).ConfigureAwait(false))
                    break;
                underWay.RemoveAll(static task => task.IsCompletedSuccessfully);
                underWay.Add(OneAsync(run, target, request, letter, end));
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // One of those under way says why.
        }
        finally
        {
            await Task.WhenAll(underWay).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        foreach (var task in underWay.Where(static task => task.IsFaulted))
            await task.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return run.Result;
    }

    /// <summary>Redrives one letter. A failure of the provider ends the whole run.</summary>
    private async Task OneAsync(RedriveRun run, IRedriveTarget target, RedriveRequest request, DeadLetter letter, CancellationTokenSource end)
    {
        var (outcome, failure) = (RedriveOutcome.Gone, default(Exception));
        try
        {
            var mark = await _provider.ReadMarkAsync(letter.Queue, letter.Id, end.Token).ConfigureAwait(false);
            if (mark.Closed is null && request.Query.Selects(letter.With(mark)))
                outcome = await RedriveAsync(run, target, letter, mark, request.MaxRedrives, end.Token).ConfigureAwait(false);
        }
        catch (RedriveTargetFailure failed)
        {
            (outcome, failure) = (RedriveOutcome.Failed, failed.InnerException);
        }
        catch
        {
            await end.CancelAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            run.Leave(outcome, letter.Id, failure);
        }
    }

    /// <summary>The order is the contract: started → handed on → done, closed → removed. Each may be the last one a crash leaves.</summary>
    private async ValueTask<RedriveOutcome> RedriveAsync(
        RedriveRun run, IRedriveTarget target, DeadLetter letter, DeadLetterMark mark, int maxRedrives, CancellationToken cancellationToken)
    {
        var resumed = mark.RedriveStarted > 0;
        if (!resumed && letter.RedriveCount >= maxRedrives)
            return RedriveOutcome.Capped;
        await run.PaceAsync(cancellationToken).ConfigureAwait(false);
        if (!resumed)
        {
            var position = await Guard(() => target.GetPositionAsync(letter, cancellationToken)).ConfigureAwait(false);
            mark = await _provider.UpdateMarkAsync(
                mark,
                current => current.Closed is not null || current.RedriveStarted > 0
                    ? current
                    : current with { RedriveStarted = letter.RedriveCount + 1, RedrivePosition = position },
                cancellationToken).ConfigureAwait(false);
            if (mark.Closed is not null)
                return RedriveOutcome.Gone;
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
        }

        // Done and closed are one write: nothing could happen between them but a crash.
        await _provider.CloseAsync(mark, $"redriven: {mark.RedriveStarted}", cancellationToken, redriveDone: mark.RedriveStarted).ConfigureAwait(false);
        return resumed ? RedriveOutcome.Resumed : RedriveOutcome.Redriven;
    }

    /// <summary>The letters that may be meant; their marks have the last word.</summary>
    private IAsyncEnumerable<DeadLetter> CandidatesAsync(DeadLetterQuery query, CancellationToken cancellationToken) =>
        _provider.ReadAsync(query.Queue, cancellationToken).Where((query with { Status = null }).Selects);

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
