using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace Topology.Saga.JetStream.Internal;

/// <summary>What the leases of a process share, because most sagas end before a lease needs it: one timer renews all of them. Thread safe.</summary>
internal sealed class SagaLeases(IOptions<JetStreamSagaOptions> options, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan _longestWord = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<SagaLease, bool> _held = new();
    private readonly SharedTimeout _patience = new(_longestWord, time);
    private readonly TimeSpan _round = options.Value.AckWait / 12;
    private readonly Lock _lock = new();
    private ITimer? _timer;
    private bool _isOver;

    /// <summary>Gets a token that ends a word to the server. A slot is freed after it, so it does not wait for a connection that is away: the lease runs out then.</summary>
    public CancellationToken Patience => _patience.Token;

    public void Begin(SagaLease lease)
    {
        _held[lease] = true;
        if (_timer is not null)
        {
            return;
        }

        lock (_lock)
        {
            if (!_isOver)
            {
                _timer ??= time.CreateTimer(static leases => ((SagaLeases)leases!).Renew(), this, _round, _round);
            }
        }
    }

    public void End(SagaLease lease) => _held.TryRemove(lease, out _);

    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
            _timer?.Dispose();
        }
    }

    private void Renew()
    {
        foreach (var (lease, _) in _held)
        {
            // What is left for the next round has been held for a third of the wait by then, at most.
            if (time.GetElapsedTime(lease.Renewed) >= _round * 3)
            {
                _ = lease.RenewAsync(time.GetTimestamp());
            }
        }
    }
}
