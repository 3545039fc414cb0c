using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Saga.JetStream.Internal;

/// <summary>A delivered item, renewed until it is completed, given back or disposed.</summary>
internal sealed class SagaLease : ISagaLease
{
    private static readonly TimeSpan _longestWord = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _time;
    private readonly INatsJSMsg<byte[]> _message;
    private readonly SagaNews _news;
    private readonly Action<SagaLease> _ended;
    private readonly ITimer _renewal;
    private int _isOver;

    public SagaLease(
        INatsJSMsg<byte[]> message, NatsJSMsgMetadata metadata, SagaId id, SagaStart? start, string? timerOf, SagaNews news, TimeSpan ackWait, TimeProvider time, Action<SagaLease> ended)
    {
        (_message, _news, _ended, _time) = (message, news, ended, time);
        (SagaId, Start, TimerOf, EnqueuedAt) = (id, start, timerOf, metadata.Timestamp);
        FreshStart = metadata.NumDelivered == 1 ? start : null;

        // With its time, because a stream that is made anew counts from 1 again.
        ItemId = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{metadata.Sequence.Stream}-{metadata.Timestamp.ToUnixTimeMilliseconds():x}");
        news.Hold(id);
        _renewal = time.CreateTimer(static lease => _ = ((SagaLease)lease!).RenewAsync(), this, ackWait / 3, ackWait / 3);
    }

    public SagaId SagaId { get; }

    public string ItemId { get; }

    public string? TimerOf { get; }

    public DateTimeOffset EnqueuedAt { get; }

    /// <summary>What the saga is started with, when this is its start.</summary>
    public SagaStart? Start { get; }

    public SagaStart? FreshStart { get; }

    public ValueTask CompleteAsync(CancellationToken cancellationToken) =>
        End() ? SayAsync(token => _message.AckAsync(cancellationToken: token), cancellationToken) : default;

    public ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        End() ? SayAsync(token => _message.NakAsync(new AckOpts { NakDelay = delay }, token), cancellationToken) : default;

    public void Dispose() => End();

    private bool End()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 1)
        {
            return false;
        }

        _renewal.Dispose();
        _news.Release(SagaId);
        _ended(this);
        return true;
    }

    private async ValueTask SayAsync(Func<CancellationToken, ValueTask> say, CancellationToken cancellationToken)
    {
        // A slot is freed after this, so it does not wait for a connection that is away: the lease runs out then.
        using var timeout = new CancellationTokenSource(_longestWord, _time);
        using var either = cancellationToken.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken) : null;
        try
        {
            await say(either?.Token ?? timeout.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure) || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw SagaErrors.Away("the item", failure);
        }
    }

    private async Task RenewAsync()
    {
        try
        {
            await _message.AckProgressAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure) || failure is OperationCanceledException)
        {
            // Renewed three times per lease; the next one may get through. Otherwise the item is another's, and the journal fences.
        }
    }
}
