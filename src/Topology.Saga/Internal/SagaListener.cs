using System.Runtime.ExceptionServices;

namespace Topology.Saga.Internal;

/// <summary>Hears what is said to a saga while it is tried, or while it pauses, and cancels the try when the saga must turn back. Used again for other sagas.</summary>
/// <remarks>While a try runs, the saga's journal is the listener's to write; before and after, it is whoever made the try.</remarks>
internal sealed class SagaListener : IDisposable
{
    private static readonly TimeSpan _pauseWhileStoreIsAway = TimeSpan.FromSeconds(1);

    /// <summary>Rung when there may be something to look at.</summary>
    private readonly SagaBell _bell = new(continueElsewhere: false);

    /// <summary>Rung when the try had ended while something was being heard, and that is over too.</summary>
    private readonly SagaBell _isOver = new(continueElsewhere: false);

    private readonly Action _onNews;
    private readonly SagaRuntime _runtime;
    private long _after;
    private Exception? _failure;
    private volatile bool _hasNews;
    private IDisposable? _listening;
    private Phase _phase;
    private SagaRun _run = null!; // Set with the first try.
    private CancellationTokenSource _token = null!;
    private SagaTry _try = null!;

    public SagaListener(SagaRuntime runtime)
    {
        _runtime = runtime;
        _onNews = OnNews;
    }

    private enum Phase
    {
        /// <summary>No try runs.</summary>
        Off,

        /// <summary>A try runs, and what comes is heard.</summary>
        On,

        /// <summary>Something is being heard.</summary>
        Hearing,
    }

    /// <summary>Lets go of everything that is one saga's.</summary>
    public void Dispose()
    {
        _listening?.Dispose();
        (_listening, _failure, _run, _try, _token) = (null, null, null!, null!, null!);
    }

    /// <summary>A try has begun.</summary>
    public void Begin(SagaRun run, SagaTry @try, CancellationTokenSource token)
    {
        (_run, _try, _token) = (run, @try, token);
        Listen(run.State);
        Interlocked.Exchange(ref _phase, Phase.On);
        if (_hasNews)
        {
            OnNews();
        }
    }

    /// <summary>The try has ended.</summary>
    /// <exception cref="SagaFencedException">This owner was found to be replaced meanwhile, and its try was cancelled.</exception>
    public ValueTask EndAsync()
    {
        if (Interlocked.Exchange(ref _phase, Phase.Off) == Phase.Hearing)
        {
            return EndHearingAsync();
        }

        ThrowIfFailed();
        return default;
    }

    /// <summary>Waits between two tries until the time is over, or there may be news.</summary>
    public async Task PauseAsync(SagaState state, TimeSpan time, CancellationToken stopping)
    {
        Listen(state);
        using var stops = stopping.UnsafeRegister(static bell => ((SagaBell)bell!).Ring(), _bell);
        var timer = RingAfter(time);
        await using var disposal = timer.ConfigureAwait(false);
        if (!_hasNews)
        {
            await _bell.WaitAsync().ConfigureAwait(false);
        }

        stopping.ThrowIfCancellationRequested();
        if (_hasNews)
        {
            StopListening();
        }
    }

    /// <summary>One listening outlasts any number of tries.</summary>
    private void Listen(SagaState state)
    {
        if (_listening is null || _after != state.InboxSequence)
        {
            StopListening();
            _hasNews = false;
            _after = state.InboxSequence;
            _listening = _runtime.Inbox.Listen(state.Id, _after, _onNews);
        }
    }

    private void StopListening()
    {
        _listening?.Dispose();
        _listening = null;
    }

    private void OnNews()
    {
        _hasNews = true;
        if (Interlocked.CompareExchange(ref _phase, Phase.Hearing, Phase.On) == Phase.On)
        {
            _ = HearAsync();
        }
        else
        {
            _bell.Ring();
        }
    }

    private async Task HearAsync()
    {
        bool listens;
        do
        {
            try
            {
                StopListening();
                if (await _run.MustTurnBackAsync().ConfigureAwait(false))
                {
                    _try.IsTurnedBack = true;
                    await _token.CancelAsync().ConfigureAwait(false);
                }

                Listen(_run.State);
            }
            catch (SagaStoreException)
            {
                // An effect that has begun is no reason to end it: the store may be back before it returns.
                _hasNews = true;
                var again = RingAfter(_pauseWhileStoreIsAway);
                await using var disposal = again.ConfigureAwait(false);
                await _bell.WaitAsync().ConfigureAwait(false);
            }
            catch (Exception error)
            {
                // Fenced: this owner lets go, and takes its try with it.
                _failure = error;
                _ = _token.CancelAsync();
            }

            listens = !_token.IsCancellationRequested;
            if (Interlocked.CompareExchange(ref _phase, Phase.On, Phase.Hearing) != Phase.Hearing)
            {
                _isOver.Ring();
                return;
            }
        }
        while (listens && _hasNews && Interlocked.CompareExchange(ref _phase, Phase.Hearing, Phase.On) == Phase.On);
    }

    private async ValueTask EndHearingAsync()
    {
        _bell.Ring();
        await _isOver.WaitAsync().ConfigureAwait(false);
        ThrowIfFailed();
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }

    private ITimer RingAfter(TimeSpan time) => _runtime.Time.CreateTimer(static bell => ((SagaBell)bell!).Ring(), _bell, time, Timeout.InfiniteTimeSpan);
}
