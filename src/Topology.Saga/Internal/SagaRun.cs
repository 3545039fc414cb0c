using System.Diagnostics.CodeAnalysis;

namespace Topology.Saga.Internal;

/// <summary>One owner's work on one saga, from its claim until the saga has settled or the owner must let go.</summary>
/// <remarks>This part is the way through; the claim, the way forward and the way back have parts of their own.</remarks>
internal sealed partial class SagaRun : IDisposable
{
    /// <summary>How most sagas end.</summary>
    private static readonly SagaEvent s_completed = new SagaEvent.Settled(SagaStatus.Completed);

    private readonly SagaDefinition _definition;
    private readonly ISagaLease _lease;
    private readonly SagaRuntime _runtime;
    private readonly CancellationToken _stopping;
    private readonly SagaTries _tries;
    private long _appended;
    private SagaState _state = null!; // Read by the claim, before anything else.

    /// <summary>What the inbox held at the last look that only a newer version can read; null when there was none.</summary>
    private string? _unheard;

    public SagaRun(SagaRuntime runtime, SagaDefinition definition, ISagaLease lease, CancellationToken stopping)
    {
        _runtime = runtime;
        _definition = definition;
        _lease = lease;
        _stopping = stopping;
        _tries = runtime.Rent(this, stopping);
    }

    /// <summary>What its journal says.</summary>
    public SagaState State => _state;

    /// <summary>Where the saga is; null while it is at work.</summary>
    public SagaStatus? Settled => _state?.Settled;

    /// <summary>How often it was taken over since it last got on.</summary>
    public int Takeovers => _state?.Takeovers ?? 0;

    /// <summary>The store's time, as far as this owner knows it.</summary>
    private DateTimeOffset Now => _state.LastAt + _runtime.Time.GetElapsedTime(_appended);

    /// <summary>Returns whether the item is done with; otherwise it is another worker's, or its time has not come.</summary>
    /// <exception cref="SagaFencedException">Another owner has written.</exception>
    public async Task<bool> RunAsync()
    {
        var claim = await ClaimAsync().ConfigureAwait(false);
        if (claim == Claim.Later)
        {
            return false;
        }

        if (claim == Claim.Owner)
        {
            using var span = SagaTracing.Run(_state);
            do
            {
                while (_state.Settled is null)
                {
                    await FoldInboxAsync().ConfigureAwait(false);
                    if (_state.IsBackward)
                    {
                        await UndoAsync().ConfigureAwait(false);
                    }
                    else if (!await TurnBackAsync(_state.HeadWasTried).ConfigureAwait(false) && !await RestAsync().ConfigureAwait(false))
                    {
                        // Here and not in a method of its own: what waits for an effect is kept on the heap, and each layer costs as much as a write.
                        var next = _state.NextStep!;
                        var tried = await _tries.BeginAsync(Plan(next)).ConfigureAwait(false);
                        await FollowAsync(next, tried).ConfigureAwait(false);
                    }
                }

                _runtime.Signals.Raise(_state.Id, _state);
            }
            while (await ReopenAsync().ConfigureAwait(false));
            if (_unheard is not null)
            {
                return false;
            }
        }
        else if (_state.Settled is not null && _state.HeldBy == _lease.ItemId)
        {
            // A redelivery: its owner may have died before it told of what it wrote last.
            await _runtime.Writer.TellAsync(_state, _stopping).ConfigureAwait(false);
        }

        await _lease.CompleteAsync(_stopping).ConfigureAwait(false);
        return true;
    }

    public void Dispose() => _runtime.Return(_tries);

    private async Task<bool> TryAppendAsync(params SagaEvent[] events)
    {
        var stored = await _runtime.Writer.TryAppendAsync(_state, events, _stopping).ConfigureAwait(false);
        _appended = _runtime.Time.GetTimestamp();
        return stored;
    }

    private async Task AppendAsync(params SagaEvent[] events)
    {
        if (!await TryAppendAsync(events).ConfigureAwait(false))
        {
            throw new SagaFencedException(_state.Id);
        }
    }

    /// <exception cref="SagaException">The inbox holds what only a newer version can read: this owner lets go.</exception>
    private async ValueTask<SagaEvent[]> ReadInboxAsync()
    {
        var news = await HearAsync(mayLag: true).ConfigureAwait(false);
        return _unheard is null ? news : throw new SagaException($"Saga {_state.Id}: its inbox holds '{_unheard}', which this version does not know. Update it.");
    }

    /// <summary>Reads the inbox. When it holds what only a newer version can read, all of it is left there.</summary>
    private async ValueTask<SagaEvent[]> HearAsync(bool mayLag)
    {
        var entries = await _runtime.Inbox.ReadAsync(_state.Id, _state.InboxSequence, mayLag, _stopping).ConfigureAwait(false);
        _unheard = entries.Count == 0 ? null : entries.Select(entry => entry.Message).OfType<SagaMessage.Unknown>().FirstOrDefault()?.Kind;
        return entries.Count == 0 || _unheard is not null ? [] : [.. entries.Select(entry => new SagaEvent.MessageTaken(entry.Message, entry.Sequence))];
    }

    /// <summary>Returns whether there was something.</summary>
    private async ValueTask<bool> FoldInboxAsync()
    {
        var news = await ReadInboxAsync().ConfigureAwait(false);
        if (news.Length > 0)
        {
            SagaTracing.Link(news);
            await AppendAsync(news).ConfigureAwait(false);
        }

        return news.Length > 0;
    }

    /// <summary>The last record and the end of a saga are one write, unless there are letters to be published or closed in between.</summary>
    private async Task RecordAsync(SagaEvent record, SagaStatus? end)
    {
        if (end is not { } status || _state.HasLetters)
        {
            await AppendAsync(record).ConfigureAwait(false);
            return;
        }

        var news = await ReadInboxAsync().ConfigureAwait(false);
        await AppendAsync([.. news, record, status == SagaStatus.Completed ? s_completed : new SagaEvent.Settled(status)]).ConfigureAwait(false);
        _runtime.Metrics.Settled(_state);
    }

    /// <summary>Whether an effect may have completed and its record be gone, so that trying it would be running it twice.</summary>
    private bool IsRecordGone(SagaStepState step, [NotNullWhen(true)] out SagaFailure? failure)
    {
        var gone = _runtime.Guard.RecordLife is { } life && _state.HeadMayHaveBeenTried && _state.HeadAge > life;
        failure = gone
            ? new(step.Step.Id, typeof(SagaOutcomeUnknownException).FullName!, $"An earlier owner may have tried it {_state.HeadAge} ago; its record may be gone.", false, 0)
            : null;
        return gone;
    }

    private async Task SettleAsync(SagaStatus status)
    {
        await PublishLettersAsync().ConfigureAwait(false);
        await CloseLettersAsync().ConfigureAwait(false);
        if (await FoldInboxAsync().ConfigureAwait(false))
        {
            return;
        }

        await AppendAsync(new SagaEvent.Settled(status)).ConfigureAwait(false);
        _runtime.Metrics.Settled(_state);
    }
}
