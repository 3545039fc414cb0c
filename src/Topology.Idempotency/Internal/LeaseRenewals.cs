using Microsoft.Extensions.Logging;

namespace Topology.Idempotency.Internal;

/// <summary>
/// The claims whose work is running, under one timer: most work is done long before a third of its lease, and a timer of its own
/// would be made and dropped with each call.
/// </summary>
internal sealed class LeaseRenewals(IIdempotencyStore store, TimeProvider time, ILogger logger)
{
    private readonly Lock _gate = new();
    private readonly List<LeaseKeeper> _running = [];
    private readonly long _origin = time.GetTimestamp();
    private ITimer? _timer;
    private TimeSpan _wakesAt = TimeSpan.MaxValue;

    public IIdempotencyStore Store => store;

    public TimeProvider Time => time;

    public ILogger Logger => logger;

    private TimeSpan Now => time.GetElapsedTime(_origin);

    /// <summary>Renews the lease of a claim at a third of its length from now on, until the keeper is disposed.</summary>
    public LeaseKeeper Keep(IdempotencyClaim claim, long heldFrom)
    {
        var keeper = new LeaseKeeper(this, claim, heldFrom);
        lock (_gate)
        {
            var now = Now;
            keeper.Due = now + keeper.Every;
            keeper.Place = _running.Count;
            _running.Add(keeper);
            if (keeper.Due < _wakesAt)
                WakeAt(keeper.Due, now);
        }

        return keeper;
    }

    // The timer stays set: when it fires for nobody it looks for the next one.
    public void Remove(LeaseKeeper keeper)
    {
        lock (_gate)
        {
            var last = _running[^1];
            _running[keeper.Place] = last;
            last.Place = keeper.Place;
            _running.RemoveAt(_running.Count - 1);
        }
    }

    private void Tick()
    {
        List<LeaseKeeper>? due = null;
        lock (_gate)
        {
            var now = Now;
            var next = TimeSpan.MaxValue;
            foreach (var keeper in _running)
            {
                // Renewals that are nearly due go along, so that many claims do not wake the timer for each; a lease ends when it ends.
                var left = keeper.LeaseLeft;
                var early = left > TimeSpan.Zero && left > keeper.Due - now ? keeper.Every / 8 : TimeSpan.Zero;
                if (keeper.Due - now <= early)
                {
                    (due ??= []).Add(keeper);
                    keeper.Due = now + (left > TimeSpan.Zero && left < keeper.Every ? left : keeper.Every);
                }

                next = keeper.Due < next ? keeper.Due : next;
            }

            _wakesAt = TimeSpan.MaxValue;
            if (next < TimeSpan.MaxValue)
                WakeAt(next, now);
        }

        foreach (var keeper in due ?? [])
            keeper.OnDue();
    }

    private void WakeAt(TimeSpan due, TimeSpan now)
    {
        _wakesAt = due;
        if (_timer is null)
        {
            using (ExecutionContext.SuppressFlow()) // the first caller's is nobody else's
                _timer = time.CreateTimer(static self => ((LeaseRenewals)self!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        _timer.Change(TimeSpan.FromMilliseconds((due - now).WholeMilliseconds()), Timeout.InfiniteTimeSpan); // timers cut off what is less
    }
}
