using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Threading.Tasks.Sources;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Requests whose answers all come over one subscription. Thread safe.</summary>
/// <remarks>
/// A saga makes a request for each step. The client's own costs a timer, two linked tokens, a chain of tasks and a parsed object each; here
/// one timer ends all that were not answered in time, and what was stored is read where it lies.
/// </remarks>
internal sealed class SagaCalls(INatsConnection connection, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan _tick = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentDictionary<long, Call> _open = new();

    // Not one of the connection's own inboxes, which it would look up by their whole names.
    private readonly string _inbox = $"{connection.Opts.InboxPrefix}.{Guid.NewGuid():N}";
    private readonly Lock _lock = new();

    // Ends what waits to be sent, for a connection that is away, when its answer is given up.
    private readonly SharedTimeout _sending = new(connection.Opts.RequestTimeout, time);
    private Task<Answers>? _answers;
    private ITimer? _sweep;
    private long _number;
    private bool _isOver;

    /// <summary>Publishes, and returns what the server answers.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="body">The body.</param>
    /// <param name="headers">The headers, if any.</param>
    /// <param name="isStore">Whether the answer says what a stream made of it; otherwise it is a message.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TimeoutException">No answer came in the connection's <c>RequestTimeout</c>; it may have been done all the same.</exception>
    public ValueTask<SagaAnswer> AskAsync(string subject, ReadOnlyMemory<byte> body, NatsHeaders? headers, bool isStore, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _answers is { IsCompletedSuccessfully: true }
            ? Send(subject, body, headers, isStore, cancellationToken)
            : OpenAndSendAsync(subject, body, headers, isStore, cancellationToken);
    }

    public void Dispose()
    {
        Task<Answers>? answers;
        lock (_lock)
        {
            _isOver = true;
            _sweep?.Dispose();
            answers = _answers;
        }

        foreach (var number in _open.Keys)
        {
            Fail(number, new ObjectDisposedException(nameof(SagaCalls)));
        }

        // The connection is somebody else's and may have been closed before.
        _ = EndAsync(answers);

        static async Task EndAsync(Task<Answers>? answers)
        {
            if (answers is not null)
            {
                await ((Task)answers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (answers.IsCompletedSuccessfully)
                {
                    await (await answers.ConfigureAwait(false)).DisposeAsync().AsTask().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
    }

    private async ValueTask<SagaAnswer> OpenAndSendAsync(
        string subject, ReadOnlyMemory<byte> body, NatsHeaders? headers, bool isStore, CancellationToken cancellationToken)
    {
        Task<Answers> opening;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isOver, this);
            opening = _answers = _answers is { IsFaulted: false, IsCanceled: false } ? _answers : ListenAsync();
        }

        await opening.WaitAsync(connection.Opts.RequestTimeout, time, cancellationToken).ConfigureAwait(false);
        return await Send(subject, body, headers, isStore, cancellationToken).ConfigureAwait(false);
    }

    private async Task<Answers> ListenAsync()
    {
        await Task.Yield();
        var answers = new Answers(this, connection, $"{_inbox}.*");
        await connection.AddSubAsync(answers).ConfigureAwait(false);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isOver, this);
            _sweep ??= time.CreateTimer(static calls => ((SagaCalls)calls!).Sweep(), this, _tick, _tick);
        }

        return answers;
    }

    private ValueTask<SagaAnswer> Send(string subject, ReadOnlyMemory<byte> body, NatsHeaders? headers, bool isStore, CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref _number);
        var call = Call.Begin(isStore, time.GetTimestamp());
        _open[number] = call;
        if (cancellationToken.CanBeCanceled)
        {
            call.Cancellation = cancellationToken.UnsafeRegister(
                static (state, token) => ((Cancel)state!).Calls.Fail(((Cancel)state).Number, new OperationCanceledException(token)), new Cancel(this, number));
        }

        var answer = call.Answer;
        var replyTo = string.Create(CultureInfo.InvariantCulture, $"{_inbox}.{number}");
        var sent = connection.PublishAsync(subject, body, headers, replyTo, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: _sending.Token);
        if (!sent.IsCompletedSuccessfully)
        {
            _ = SentAsync(sent, number);
        }

        return answer;
    }

    private async Task SentAsync(ValueTask sent, long number)
    {
        try
        {
            await sent.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Fail(number, new TimeoutException("it could not be sent"));
        }
        catch (Exception failure)
        {
            Fail(number, failure);
        }
    }

    private void Sweep()
    {
        foreach (var (number, call) in _open)
        {
            if (time.GetElapsedTime(call.Asked) > connection.Opts.RequestTimeout)
            {
                Fail(number, new TimeoutException("no answer"));
            }
        }
    }

    private void Fail(long number, Exception failure)
    {
        if (_open.TryRemove(number, out var call))
        {
            call.Fail(failure);
        }
    }

    private void Hear(string subject, in ReadOnlySequence<byte>? headers, in ReadOnlySequence<byte> body)
    {
        if (!long.TryParse(subject.AsSpan(subject.LastIndexOf('.') + 1), CultureInfo.InvariantCulture, out var number) || !_open.TryRemove(number, out var call))
        {
            return;
        }

        try
        {
            NatsHeaders? parsed = null;
            if (headers is { } lines)
            {
                connection.HeaderParser.ParseHeaders(new SequenceReader<byte>(lines), parsed = []);
            }

            call.Complete(call.IsStore && parsed is not { Code: > 0 } ? SagaAnswer.Parse(body) : new(0, 0, parsed?.MessageText, parsed, body.ToArray()));
        }
        catch (Exception failure)
        {
            call.Fail(new NatsException("an answer could not be read", failure));
        }
    }

    private sealed record Cancel(SagaCalls Calls, long Number);

    private sealed class Answers(SagaCalls calls, INatsConnection connection, string subject)
        : NatsSubBase(connection, connection.SubscriptionManager, subject, queueGroup: null, opts: null)
    {
        protected override ValueTask ReceiveInternalAsync(
            string subject, string? replyTo, ReadOnlySequence<byte>? headersBuffer, ReadOnlySequence<byte> payloadBuffer)
        {
            calls.Hear(subject, headersBuffer, payloadBuffer);
            return default;
        }

        protected override void TryComplete()
        {
        }
    }

    /// <summary>Completed once, by whoever removes it from the open ones, and used again when its answer was taken.</summary>
    private sealed class Call : IValueTaskSource<SagaAnswer>
    {
        [ThreadStatic]
        private static Call? t_free;

        // What waits goes on elsewhere: the connection's reader must not run sagas.
        private ManualResetValueTaskSourceCore<SagaAnswer> _core = new() { RunContinuationsAsynchronously = true };

        public bool IsStore { get; private set; }

        public long Asked { get; private set; }

        public CancellationTokenRegistration Cancellation { get; set; }

        public ValueTask<SagaAnswer> Answer => new(this, _core.Version);

        public static Call Begin(bool isStore, long asked)
        {
            var call = t_free ?? new Call();
            t_free = null;
            (call.IsStore, call.Asked) = (isStore, asked);
            return call;
        }

        public void Complete(SagaAnswer answer) => _core.SetResult(answer);

        public void Fail(Exception failure) => _core.SetException(failure);

        public SagaAnswer GetResult(short token)
        {
            Cancellation.Dispose();
            try
            {
                return _core.GetResult(token);
            }
            finally
            {
                Cancellation = default;
                _core.Reset();
                t_free = this;
            }
        }

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _core.OnCompleted(continuation, state, token, flags);
    }
}
