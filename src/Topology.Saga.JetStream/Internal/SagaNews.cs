using System.Collections.Concurrent;

namespace Topology.Saga.JetStream.Internal;

/// <summary>What this process was told of the inboxes of the sagas it holds, so that they are not asked for each step. Thread safe.</summary>
internal sealed class SagaNews(TimeProvider time) : IDisposable
{
    /// <summary>Hearing is best effort: a message that was not heard is found after this time.</summary>
    public static readonly TimeSpan LongestLag = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan _round = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<SagaId, Watch> _held = new();
    private readonly Lock _lock = new();
    private ITimer? _timer;
    private bool _isOver;

    /// <summary>Begins to listen for a saga, until as many times <see cref="Release"/> is called.</summary>
    public void Hold(SagaId id)
    {
        while (!_held.GetOrAdd(id, _ => new(time)).TryHold())
        {
            // Released by its last holder a moment ago.
        }
    }

    public void Release(SagaId id)
    {
        if (_held.TryGetValue(id, out var watch) && watch.Release())
        {
            _held.TryRemove(new(id, watch));
        }
    }

    /// <summary>A message was posted to a saga.</summary>
    public void Tell(SagaId id) => Find(id)?.Tell();

    /// <summary>Messages may have been missed: every saga has news.</summary>
    public void MissedSome()
    {
        foreach (var watch in _held.Values)
        {
            watch.Tell();
        }
    }

    public Watch? Find(SagaId id) => _held.GetValueOrDefault(id);

    /// <summary>Calls whenever a saga may have news, until disposed. One timer serves all who listen.</summary>
    public IDisposable Listen(Watch watch, Action heard)
    {
        if (_timer is null)
        {
            lock (_lock)
            {
                _timer ??= _isOver ? null : time.CreateTimer(static news => ((SagaNews)news!).Round(), this, _round, _round);
            }
        }

        return watch.Listen(heard);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
            _timer?.Dispose();
        }
    }

    private void Round()
    {
        foreach (var watch in _held.Values)
        {
            watch.Remind(LongestLag - _round);
        }
    }

    internal sealed class Watch(TimeProvider time)
    {
        private readonly Lock _lock = new();
        private Action? _heard;
        private int _holders;
        private bool _isOver;
        private long _told;
        private long _readUpTo = -1;
        private long _readAt;

        /// <summary>Gets how much it was told so far; hand it to <see cref="Read"/> after an exact read.</summary>
        public long Told
        {
            get
            {
                lock (_lock)
                {
                    return _told;
                }
            }
        }

        /// <summary>Whether the inbox may hold what was not read.</summary>
        public bool MayHaveNews
        {
            get
            {
                lock (_lock)
                {
                    return _readUpTo != _told || time.GetElapsedTime(_readAt) > LongestLag;
                }
            }
        }

        public bool TryHold()
        {
            lock (_lock)
            {
                _holders += _isOver ? 0 : 1;
                return !_isOver;
            }
        }

        public bool Release()
        {
            lock (_lock)
            {
                return _isOver = --_holders <= 0;
            }
        }

        public void Tell()
        {
            Action? heard;
            lock (_lock)
            {
                _told++;
                heard = _heard;
            }

            if (heard is not null)
            {
                // Elsewhere: who tells goes on to tell others, and a saga that goes on is its definition's code.
                ThreadPool.UnsafeQueueUserWorkItem(static heard => heard(), heard, preferLocal: false);
            }
        }

        /// <summary>Takes for told what was not heard for so long, when somebody listens.</summary>
        public void Remind(TimeSpan after)
        {
            bool isDue;
            lock (_lock)
            {
                isDue = _heard is not null && _readUpTo == _told && time.GetElapsedTime(_readAt) >= after;
            }

            if (isDue)
            {
                Tell();
            }
        }

        public IDisposable Listen(Action heard)
        {
            bool mayHaveNews;
            lock (_lock)
            {
                _heard += heard;
                mayHaveNews = _readUpTo != _told;
            }

            if (mayHaveNews)
            {
                heard();
            }

            return new Listening(this, heard);
        }

        /// <summary>The inbox was read to its end, beginning when so much had been told.</summary>
        public void Read(long told)
        {
            lock (_lock)
            {
                _readUpTo = Math.Max(_readUpTo, told);
                _readAt = time.GetTimestamp();
            }
        }

        private void Remove(Action heard)
        {
            lock (_lock)
            {
                _heard -= heard;
            }
        }

        private sealed class Listening(Watch watch, Action heard) : IDisposable
        {
            private Watch? _watch = watch;

            public void Dispose() => Interlocked.Exchange(ref _watch, null)?.Remove(heard);
        }
    }
}
