using System.Collections.Concurrent;

namespace Topology.Saga.JetStream.Internal;

/// <summary>What this process was told of the inboxes of the sagas it holds, so that they are not asked for each step. Thread safe.</summary>
internal sealed class SagaNews(TimeProvider time)
{
    /// <summary>Hearing is best effort: a message that was not heard is found after this time.</summary>
    public static readonly TimeSpan LongestLag = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<SagaId, Watch> _held = new();

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

    internal sealed class Watch(TimeProvider time)
    {
        private readonly Lock _lock = new();
        private int _holders;
        private bool _isOver;
        private long _told;
        private long _readUpTo = -1;
        private long _readAt;
        private TaskCompletionSource? _next;

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
            lock (_lock)
            {
                _told++;
                _next?.TrySetResult();
                _next = null;
            }
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

        /// <summary>Completes when there may be news.</summary>
        public Task NextAsync()
        {
            lock (_lock)
            {
                return _readUpTo != _told
                    ? Task.CompletedTask
                    : (_next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
        }
    }
}
