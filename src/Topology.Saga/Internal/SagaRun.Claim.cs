namespace Topology.Saga.Internal;

internal sealed partial class SagaRun
{
    private SagaEvent[] _heard = [];
    private bool _timerUsed;

    private enum Claim
    {
        /// <summary>This item owns the saga now.</summary>
        Owner,

        /// <summary>There is nothing for this item to do.</summary>
        Nothing,

        /// <summary>The item is to be handed out again later.</summary>
        Later,
    }

    private async ValueTask<Claim> ClaimAsync()
    {
        // When somebody was faster all the same, the append fails and the journal is read.
        var fresh = _lease.FreshStart;
        while (true)
        {
            _stopping.ThrowIfCancellationRequested();
            _state = fresh is not null
                ? new SagaState(_lease.SagaId, _definition)
                : await SagaReader.ReadAsync(_runtime.Journal, _definition, _lease.SagaId, _stopping).ConfigureAwait(false);
            if (_state.Version == 0)
            {
                if ((fresh ?? await _runtime.Dispatcher.FindStartAsync(_lease.SagaId, _stopping).ConfigureAwait(false)) is not { } start)
                {
                    return Claim.Nothing;
                }

                fresh = null;

                SagaEvent[] first =
                [
                    new SagaEvent.Started(start.DefinitionHash, start.Tenant, start.Input, start.TraceParent),
                    new SagaEvent.Claimed(_lease.ItemId, Redelivered: false),
                ];
                if (start.DefinitionHash != _definition.Hash)
                {
                    return await LeaveToOthersAsync(_lease.EnqueuedAt, first).ConfigureAwait(false);
                }

                if (await TryAppendAsync(first).ConfigureAwait(false))
                {
                    return Claim.Owner;
                }
            }
            else if (_state.Settled is not null)
            {
                if (!await ReopenAsync().ConfigureAwait(false))
                {
                    return _unheard is null ? Claim.Nothing : Claim.Later;
                }

                // Written down, so that the time until somebody must be told is measured from the journal.
                return _state.IsForeign || _unheard is not null ? Claim.Later : Claim.Owner;
            }
            else if (_state.HeldBy != _lease.ItemId && _state.Unreadable is not null)
            {
                // Whether somebody is at work is told by what cannot be read.
                return Claim.Later;
            }
            else if (_state.HeldBy != _lease.ItemId)
            {
                // Somebody is at work and reads the inbox by himself. A timer may have come before the saga rests; it comes again.
                return _lease.TimerOf is { } step && !_state.IsBackward && (_state.IsForeign || !_state.HasResult(step)) ? Claim.Later : Claim.Nothing;
            }
            else if (_state.IsForeign || await IsSpokenToByNewerAsync().ConfigureAwait(false))
            {
                return await LeaveToOthersAsync(_state.LastAt, [new SagaEvent.Claimed(_lease.ItemId, Redelivered: true)]).ConfigureAwait(false);
            }
            else if (_state.Takeovers >= _runtime.Options.MaxTakeovers)
            {
                var reason = $"Its owner was lost {_state.Takeovers} times while it stood still.";
                if (await ParkAsync([new SagaEvent.Claimed(_lease.ItemId, Redelivered: true)], reason).ConfigureAwait(false))
                {
                    return Claim.Nothing;
                }
            }
            else if (await TryAppendAsync([new SagaEvent.Claimed(_lease.ItemId, Redelivered: true), .. _heard]).ConfigureAwait(false))
            {
                _runtime.Metrics.TookOver(_definition.Name);
                Log.TookOver(_runtime.Logger, _state.Id, _state.Takeovers);
                return Claim.Owner;
            }
        }
    }

    /// <summary>Whether the inbox holds what only a newer version can read. What was heard instead is taken with the claim.</summary>
    private async ValueTask<bool> IsSpokenToByNewerAsync()
    {
        _heard = await HearAsync(mayLag: false).ConfigureAwait(false);
        return _unheard is not null;
    }

    /// <summary>Takes up a waiting or resting saga again when there is news for it.</summary>
    private async Task<bool> ReopenAsync()
    {
        while (_state.Settled is { } settled && !_state.IsFinal)
        {
            // Exactly: whoever was told of news while this owner was at work has dropped the item.
            var news = await HearAsync(mayLag: false).ConfigureAwait(false);
            var isToBeLeft = _unheard is not null && settled == SagaStatus.Waiting;
            var isDue = !_timerUsed && settled == SagaStatus.Waiting && _lease.TimerOf == _state.WaitingAt;
            if (!isDue && !isToBeLeft && !Array.Exists(news, message => IsNews(settled, ((SagaEvent.MessageTaken)message).Message)))
            {
                return false;
            }

            // What was said means nothing without the steps: it is left in the inbox for an owner who knows them.
            news = _state.IsForeign ? [] : news;
            if (await TryAppendAsync([.. news, new SagaEvent.Claimed(_lease.ItemId, Redelivered: false)]).ConfigureAwait(false))
            {
                _timerUsed |= isDue;
                SagaTracing.Link(news);
                return true;
            }

            // Another item was faster. If it is at work, the news is in its inbox too.
            _state = await SagaReader.ReadAsync(_runtime.Journal, _definition, _lease.SagaId, _stopping).ConfigureAwait(false);
        }

        return false;
    }

    private bool IsNews(SagaStatus settled, SagaMessage message) => message switch
    {
        _ when settled == SagaStatus.Waiting => true,
        SagaMessage.Decision decision => _state.IsWaitingFor(decision),
        SagaMessage.Cancellation => settled == SagaStatus.Parked,
        _ => false,
    };

    /// <summary>A worker that knows the definition may take it; after a while somebody must be told that none does.</summary>
    private async Task<Claim> LeaveToOthersAsync(DateTimeOffset since, SagaEvent[] claim)
    {
        var age = await _runtime.Journal.GetTimeAsync(_stopping).ConfigureAwait(false) - since;
        if (age < _runtime.Options.UnknownDefinitionTimeout)
        {
            return Claim.Later;
        }

        var reason = (_state, _unheard) switch
        {
            ({ Unreadable: { } kind }, _) => $"Its history holds '{kind}', which no worker here can read: a newer version wrote it.",
            ({ IsForeign: false }, { } kind) => $"Its inbox holds '{kind}', which no worker here can read: a newer version said it.",
            _ => "No worker knows the version of its definition that it was started with.",
        };
        var parked = await ParkAsync(claim, reason).ConfigureAwait(false);
        return parked ? Claim.Nothing : Claim.Later;
    }

    private async Task<bool> ParkAsync(SagaEvent[] claim, string reason)
    {
        if (!await TryAppendAsync([.. claim, new SagaEvent.Settled(SagaStatus.Parked, reason)]).ConfigureAwait(false))
        {
            return false;
        }

        Log.Parked(_runtime.Logger, _state.Id, reason);
        _runtime.Metrics.Settled(_state);
        _runtime.Signals.Raise(_state.Id, _state);
        return true;
    }
}
