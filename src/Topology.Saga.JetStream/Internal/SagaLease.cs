using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Saga.JetStream.Internal;

/// <summary>A delivered item, renewed until it is completed, given back or disposed.</summary>
internal sealed class SagaLease : ISagaLease
{
    private readonly INatsJSMsg<byte[]> _message;
    private readonly SagaNews _news;
    private readonly Action<SagaLease> _ended;
    private readonly SagaLeases _leases;
    private int _isOver;

    public SagaLease(
        INatsJSMsg<byte[]> message, SagaDelivery delivery, SagaId id, SagaStart? start, string? timerOf, SagaNews news, SagaLeases leases, long now, Action<SagaLease> ended)
    {
        (_message, _news, _leases, _ended, Renewed) = (message, news, leases, ended, now);
        (SagaId, Start, TimerOf, EnqueuedAt) = (id, start, timerOf, delivery.StoredAt);
        FreshStart = delivery.Count == 1 ? start : null;

        // With its time, because a stream that is made anew counts from 1 again.
        ItemId = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{delivery.Sequence}-{delivery.StoredAt.ToUnixTimeMilliseconds():x}");
        news.Hold(id);
        leases.Begin(this);
    }

    public SagaId SagaId { get; }

    public string ItemId { get; }

    public string? TimerOf { get; }

    public DateTimeOffset EnqueuedAt { get; }

    /// <summary>What the saga is started with, when this is its start.</summary>
    public SagaStart? Start { get; }

    public SagaStart? FreshStart { get; }

    /// <summary>Gets the moment of the last renewal.</summary>
    public long Renewed { get; private set; }

    public ValueTask CompleteAsync(CancellationToken cancellationToken) =>
        End() ? SaidAsync(_message.AckAsync(cancellationToken: _leases.Patience), cancellationToken) : default;

    public ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        End() ? SaidAsync(_message.NakAsync(new AckOpts { NakDelay = delay }, _leases.Patience), cancellationToken) : default;

    public void Dispose() => End();

    public async Task RenewAsync(long now)
    {
        Renewed = now;
        try
        {
            await _message.AckProgressAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure) || failure is OperationCanceledException)
        {
            // Renewed three times per lease; the next one may get through. Otherwise the item is another's, and the journal fences.
        }
    }

    private static async ValueTask SaidAsync(ValueTask said, CancellationToken cancellationToken)
    {
        try
        {
            await (said.IsCompleted ? said : new(said.AsTask().WaitAsync(cancellationToken))).ConfigureAwait(false);
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure) || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw SagaErrors.Away("the item", failure);
        }
    }

    private bool End()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 1)
        {
            return false;
        }

        _leases.End(this);
        _news.Release(SagaId);
        _ended(this);
        return true;
    }
}
