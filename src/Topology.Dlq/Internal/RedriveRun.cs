namespace Topology.Dlq.Internal;

/// <summary>One run of a redrive: how many letters are under way, at which rate, and what came of them. Thread safe.</summary>
/// <remarks>It begins with one letter at a time and doubles with each that succeeds, and a failure puts it back to one: a target that is
/// away is asked no oftener than it may fail.</remarks>
internal sealed class RedriveRun(RedriveRequest request, DeadLetterMetrics metrics, IProgress<RedriveResult>? progress, TimeProvider time)
{
    private const int MaxFailuresListed = 100;
    private const int MaxUnderWay = 32;

    private readonly Lock _lock = new();
    private readonly List<KeyValuePair<string, string>> _failures = [];
    private readonly long _begun = time.GetTimestamp();
    private TaskCompletionSource? _left;
    private RedriveResult _result = new(0, 0, 0, 0, false, []);
    private int _handedOn;
    private int _underWay;
    private int _places = 1;

    public RedriveResult Result
    {
        get
        {
            lock (_lock)
                return _result;
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <returns>Whether there is one; not when the run has ended early.</returns>
    public async ValueTask<bool> EnterAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Task left;
            lock (_lock)
            {
                if (_result.Stopped)
                    return false;
                if (_underWay < _places)
                {
                    _underWay++;
                    return true;
                }

                _left ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
                left = _left.Task;
            }

            await left.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for a letter's turn. Paced against the beginning, so that the rate holds however long each letter takes.</summary>
    public async ValueTask PaceAsync(CancellationToken cancellationToken)
    {
        if (request.MaxPerSecond is not { } rate)
            return;
        var wait = TimeSpan.FromSeconds((Interlocked.Increment(ref _handedOn) - 1) / rate) - time.GetElapsedTime(_begun);
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
    }

    public void Leave(RedriveOutcome outcome, string id, Exception? failure)
    {
        lock (_lock)
        {
            _underWay--;
            switch (outcome)
            {
                case RedriveOutcome.Redriven or RedriveOutcome.Resumed:
                    metrics.Redriven(request.Query.Queue, "done");
                    _places = Math.Min(MaxUnderWay, _places * 2);
                    _result = _result with { Redriven = _result.Redriven + 1, Resumed = _result.Resumed + (outcome == RedriveOutcome.Resumed ? 1 : 0) };
                    break;
                case RedriveOutcome.Capped:
                    _result = _result with { Capped = _result.Capped + 1 };
                    break;
                case RedriveOutcome.Failed:
                    metrics.Redriven(request.Query.Queue, "failed");
                    _places = 1;
                    if (_failures.Count < MaxFailuresListed)
                        _failures.Add(new(id, failure!.Message));
                    _result = _result with { Failed = _result.Failed + 1, Failures = [.. _failures], Stopped = _result.Failed + 1 >= request.MaxFailures };
                    break;
            }

            if (outcome != RedriveOutcome.Gone)
                progress?.Report(_result);
            _left?.TrySetResult();
            _left = null;
        }
    }
}
