using System.Runtime.CompilerServices;
using NATS.Client.Core;
using Topology.Dlq.Internal;

namespace Topology.Dlq.Tests;

/// <summary>
/// A work stream in memory that behaves as badly as a server may: by seed it delivers early and twice while a message is in hand, forgets
/// acknowledgements and delivery counts, and is seen through processes that can die.
/// </summary>
internal sealed class WorkStream(TimeProvider time, int? seed = null)
{
    private static readonly TimeSpan AckWait = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly SortedDictionary<ulong, Message> _messages = [];
    private ulong _lastSequence;
    private readonly Random? _random = seed is { } value ? new Random(value) : null;

    /// <summary>Gets the messages whose next acknowledgement is forgotten, as a killed server does.</summary>
    public HashSet<ulong> Forgets { get; } = [];

    /// <summary>Gets or sets whether how often it delivered is forgotten with an acknowledgement, and the message comes back later.</summary>
    public bool ForgetsDeliveries { get; set; }

    /// <summary>Gets or sets whether copies of delayed messages are taken; they are counted and never delivered.</summary>
    public bool SetsAside { get; set; }

    public int SetAside { get; private set; }

    /// <summary>Gets for how long messages were given back, in order.</summary>
    public List<TimeSpan> Delays { get; } = [];

    /// <summary>Gets or sets how many messages may be pending, delayed ones among them; beyond it none is delivered.</summary>
    public int MaxAckPending { get; set; } = int.MaxValue;

    public int Left
    {
        get
        {
            lock (_lock)
                return _messages.Count;
        }
    }

    public void Add(byte[] body, NatsHeaders? headers = null)
    {
        lock (_lock)
        {
            var sequence = ++_lastSequence;
            _messages.Add(sequence, new Message(sequence, body, headers, time.GetUtcNow()) { Due = time.GetUtcNow() });
        }
    }

    public WorkProcess Open() => new(this);

    private List<(Message, ulong)> Take(int count)
    {
        lock (_lock)
        {
            var taken = new List<(Message, ulong)>();
            var pending = _messages.Values.Count(message => message.Deliveries > 0);
            foreach (var message in _messages.Values)
            {
                if (taken.Count >= count)
                    break;
                var early = _random is not null && message.Deliveries > 0 && _random.Next(20) == 0;
                if (message.Due > time.GetUtcNow() && !early)
                    continue;
                if (message.Deliveries == 0 && pending++ >= MaxAckPending)
                    continue; // one that is pending already may come again
                message.Due = time.GetUtcNow() + AckWait;
                taken.Add((message, ++message.Deliveries));
                if (_random?.Next(20) == 0)
                    taken.Add((message, ++message.Deliveries));
            }

            return taken;
        }
    }

    private void Settle(Message message)
    {
        lock (_lock)
        {
            if (Forgets.Remove(message.Sequence))
            {
                message.Due = time.GetUtcNow() + (ForgetsDeliveries ? AckWait : TimeSpan.Zero);
                message.Deliveries = ForgetsDeliveries ? 0 : message.Deliveries;
                return;
            }

            // An acknowledgement that the server forgets when it is killed.
            if (_random?.Next(20) == 0)
                message.Deliveries = _random.Next(2) == 0 ? 0 : message.Deliveries;
            else
                _messages.Remove(message.Sequence);
        }
    }

    private bool TrySetAside()
    {
        lock (_lock)
        {
            SetAside += SetsAside ? 1 : 0;
            return SetsAside;
        }
    }

    private void Delay(Message message, TimeSpan delay)
    {
        lock (_lock)
        {
            Delays.Add(delay);
            message.Due = time.GetUtcNow() + delay;
        }
    }

    internal sealed class Message(ulong sequence, byte[] body, NatsHeaders? headers, DateTimeOffset storedAt)
    {
        public ulong Sequence => sequence;

        public byte[] Body => body;

        public NatsHeaders? Headers => headers;

        public DateTimeOffset StoredAt => storedAt;

        public ulong Deliveries { get; set; }

        public DateTimeOffset Due { get; set; }
    }

    /// <summary>The stream as one process sees it. A dead process does nothing any more.</summary>
    internal sealed class WorkProcess(WorkStream stream) : IWorkSource
    {
        private TaskCompletionSource? _still;
        private readonly TaskCompletionSource _dead = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Gets or sets what a fetch waits for without heeding its token.</summary>
        public Task Hanging { get; set; } = Task.CompletedTask;

        public bool IsDead => _dead.Task.IsCompleted;

        public Task Death => _dead.Task;

        public void Die() => _dead.TrySetResult();

        public void StandStill() => _still = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void GoOn()
        {
            _still!.SetResult();
            _still = null;
        }

        public ValueTask<DateTimeOffset> OpenAsync(CancellationToken cancellationToken) => ValueTask.FromResult(DateTimeOffset.UnixEpoch);

        public ValueTask<bool> TrySetAsideAsync(IWorkDelivery delivery, string letterId, int tries, TimeSpan delay, CancellationToken cancellationToken) =>
            ValueTask.FromResult(stream.TrySetAside());

        public async IAsyncEnumerable<IWorkDelivery> FetchAsync(int count, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Hanging;
            await LiveAsync().WaitAsync(cancellationToken);
            foreach (var (message, deliveries) in stream.Take(count))
                yield return new Delivery(this, message, deliveries);
            await Task.Delay(1, cancellationToken);
        }

        public async Task LiveAsync()
        {
            if (_still is { } still)
                await still.Task;
            if (IsDead)
                await Task.Delay(Timeout.Infinite);
        }

        private sealed class Delivery(WorkProcess process, Message message, ulong deliveries) : IWorkDelivery
        {
            public string Subject => "work.x";

            public ReadOnlyMemory<byte> Body => message.Body;

            public NatsHeaders? Headers => message.Headers;

            public ulong Sequence => message.Sequence;

            public DateTimeOffset StoredAt => message.StoredAt;

            public ulong Deliveries => deliveries;

            public async ValueTask AckAsync(CancellationToken cancellationToken)
            {
                await process.LiveAsync();
                process.Stream.Settle(message);
            }

            public async ValueTask NakAsync(TimeSpan delay, CancellationToken cancellationToken)
            {
                await process.LiveAsync();
                process.Stream.Delay(message, delay);
            }

            public ValueTask RenewAsync(CancellationToken cancellationToken)
            {
                if (!process.IsDead && process._still is null)
                    process.Stream.Delay(message, AckWait);
                return default;
            }
        }

        private WorkStream Stream => stream;
    }
}
