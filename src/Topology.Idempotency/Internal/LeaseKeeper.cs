using Microsoft.Extensions.Logging;

namespace Topology.Idempotency.Internal;

/// <summary>Renews the lease of one claim when it is due, and cancels its token when it is lost or could not be renewed in time.</summary>
/// <remarks>It is the source of its token, not the owner of one: an object less for each call.</remarks>
internal sealed class LeaseKeeper(LeaseRenewals renewals, IdempotencyClaim claim, long heldFrom) : CancellationTokenSource, IAsyncDisposable
{
    private long _heldFrom = heldFrom;
    private Task? _renewal;
    private bool _stopped;

    public TimeSpan Every => claim.Lease / 3;

    /// <summary>Gets or sets the place among the running claims; used under their lock, as <see cref="Due"/> is.</summary>
    public int Place { get; set; }

    public TimeSpan Due { get; set; }

    public TimeSpan LeaseLeft => claim.Lease - renewals.Time.GetElapsedTime(Volatile.Read(ref _heldFrom));

    public ValueTask DisposeAsync()
    {
        renewals.Remove(this);
        Task? renewal;
        lock (this)
        {
            _stopped = true;
            renewal = _renewal;
        }

        if (renewal is { IsCompleted: false })
            return WaitAsync(renewal);
        Dispose();
        return default;
    }

    public void OnDue()
    {
        lock (this)
        {
            if (_stopped || IsCancellationRequested)
                return;
            if (LeaseLeft <= TimeSpan.Zero)
                Lose(); // a whole lease without a renewal: it has run out
            else if (_renewal is not { IsCompleted: false })
                _renewal = RenewAsync();
        }
    }

    private async ValueTask WaitAsync(Task renewal)
    {
        await renewal.ConfigureAwait(false);
        Dispose();
    }

    private void Lose()
    {
        Log.LeaseLost(renewals.Logger, claim.Key);
        _ = CancelAsync(); // whoever listens must not throw into a timer
    }

    private async Task RenewAsync()
    {
        var sent = renewals.Time.GetTimestamp();
        try
        {
            var status = await renewals.Store.RenewAsync(claim, CancellationToken.None).ConfigureAwait(false);
            if (status == FinishStatus.Done)
                Volatile.Write(ref _heldFrom, sent);
            else
                Lose();
        }
        catch (Exception e)
        {
            Log.RenewFailed(renewals.Logger, claim.Key, e);
        }
    }
}
