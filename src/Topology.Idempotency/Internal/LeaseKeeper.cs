using Microsoft.Extensions.Logging;

namespace Topology.Idempotency.Internal;

/// <summary>Renews a lease at a third of its length while work runs, and cancels a token when it is lost or could not be renewed in time.</summary>
internal sealed class LeaseKeeper : IAsyncDisposable
{
    private readonly IIdempotencyStore _store;
    private readonly IdempotencyClaim _claim;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _lost = new();
    private readonly ITimer _timer;
    private long _heldFrom;
    private Task _renewal = Task.CompletedTask;
    private bool _stopped;

    public LeaseKeeper(IIdempotencyStore store, IdempotencyClaim claim, long heldFrom, TimeProvider time, ILogger logger)
    {
        _store = store;
        _claim = claim;
        _time = time;
        _logger = logger;
        _heldFrom = heldFrom;
        _timer = time.CreateTimer(static self => ((LeaseKeeper)self!).Tick(), this, claim.Lease / 3, claim.Lease / 3);
    }

    public CancellationToken Lost => _lost.Token;

    public async ValueTask DisposeAsync()
    {
        lock (_lost)
            _stopped = true;
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _renewal.ConfigureAwait(false);
        _lost.Dispose();
    }

    private void Tick()
    {
        lock (_lost)
        {
            if (_stopped || _lost.IsCancellationRequested)
                return;
            if (_time.GetElapsedTime(Volatile.Read(ref _heldFrom)) < _claim.Lease)
            {
                if (_renewal.IsCompleted)
                    _renewal = RenewAsync();
                return;
            }
        }

        Lose(); // three ticks without a renewal: the lease has run out
    }

    private void Lose()
    {
        Log.LeaseLost(_logger, _claim.Key);
        _ = _lost.CancelAsync(); // whoever listens must not throw into a timer
    }

    private async Task RenewAsync()
    {
        var sent = _time.GetTimestamp();
        try
        {
            var status = await _store.RenewAsync(_claim, CancellationToken.None).ConfigureAwait(false);
            if (status == FinishStatus.Done)
                Volatile.Write(ref _heldFrom, sent);
            else
                Lose();
        }
        catch (Exception e)
        {
            Log.RenewFailed(_logger, _claim.Key, e);
        }
    }
}
