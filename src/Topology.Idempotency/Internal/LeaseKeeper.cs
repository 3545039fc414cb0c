using Microsoft.Extensions.Logging;

namespace Topology.Idempotency.Internal;

/// <summary>Renews a lease at a third of its length while work runs, and cancels a token when it is lost or could not be renewed in time.</summary>
internal sealed class LeaseKeeper : IAsyncDisposable
{
    private readonly IIdempotencyStore _store;
    private readonly IdempotencyClaim _claim;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _lost;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private Task _renewal = Task.CompletedTask;
    private bool _stopped;

    public LeaseKeeper(IIdempotencyStore store, IdempotencyClaim claim, TimeProvider time, ILogger logger)
    {
        _store = store;
        _claim = claim;
        _time = time;
        _logger = logger;
        _lost = new CancellationTokenSource(claim.Lease, time); // the lease itself: each renewal pushes it out
        _timer = time.CreateTimer(static self => ((LeaseKeeper)self!).Tick(), this, claim.Lease / 3, claim.Lease / 3);
    }

    public CancellationToken Lost => _lost.Token;

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
            _stopped = true;
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _renewal.ConfigureAwait(false);
        _lost.Dispose();
    }

    private void Tick()
    {
        lock (_gate)
        {
            if (!_stopped && _renewal.IsCompleted && !_lost.IsCancellationRequested)
                _renewal = RenewAsync();
        }
    }

    private async Task RenewAsync()
    {
        var sent = _time.GetTimestamp();
        try
        {
            var status = await _store.RenewAsync(_claim, CancellationToken.None).ConfigureAwait(false);
            var left = _claim.Lease - _time.GetElapsedTime(sent);
            if (status == FinishStatus.Done && left > TimeSpan.Zero)
            {
                _lost.CancelAfter(left);
                return;
            }

            Log.LeaseLost(_logger, _claim.Key);
            await _lost.CancelAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.RenewFailed(_logger, _claim.Key, e);
        }
    }
}
