namespace Topology.Saga.JetStream.Internal;

/// <summary>Messages to sagas, one subject per saga. The process that holds a saga hears them as they are stored, and asks only for what it heard.</summary>
internal sealed class JetStreamSagaInbox(SagaStore store, SagaStreams streams, SagaNews news, TimeProvider time) : ISagaInbox
{
    private const string Kind = "inbox";
    private static readonly TimeSpan _lookAgain = TimeSpan.FromSeconds(1);

    private string Stream => streams.Subjects.ItemStream;

    public async ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken) =>
        (long)(await store.PublishAsync(id, Kind, "message", SagaCodec.Write(message), null, null, cancellationToken).ConfigureAwait(false))!.Value;

    public async ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken)
    {
        var watch = news.Find(id);
        if (mayLag && watch is { MayHaveNews: false })
        {
            return [];
        }

        var told = watch?.Told ?? 0;
        var entries = await ReadAsync(Subject(id), (ulong)afterSequence, cancellationToken).ConfigureAwait(false);
        watch?.Read(told);
        return entries;
    }

    public IDisposable Listen(SagaId id, long afterSequence, Action heard)
    {
        if (news.Find(id) is { } watch)
        {
            return news.Listen(watch, heard);
        }

        // Not this process's to hold, so it hears nothing.
        var looking = new Looking();
        _ = LookAsync(id, afterSequence, heard, looking.Token);
        return looking;
    }

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) =>
        store.PurgeAsync(Stream, $"{streams.Subjects.Of(Kind, id)}.>", 0, cancellationToken);

    private async ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(string subject, ulong after, CancellationToken cancellationToken)
    {
        // The last one first: to find that there is none costs a look, to find that there is none further a walk through the stream.
        if (await store.GetLastAsync(Stream, subject, cancellationToken).ConfigureAwait(false) is not { } last || last.Sequence <= after)
        {
            return [];
        }

        var entries = new List<SagaInboxEntry>();
        while (after < last.Sequence)
        {
            var found = await store.GetNextAsync(Stream, subject, after, cancellationToken).ConfigureAwait(false);
            var message = found is { } next && next.Sequence < last.Sequence ? next : last;
            var body = await store.BodyAsync(Stream, message, cancellationToken).ConfigureAwait(false);
            entries.Add(new((long)message.Sequence, SagaCodec.ReadMessage(body)));
            after = message.Sequence;
        }

        return entries;
    }

    private async Task LookAsync(SagaId id, long afterSequence, Action heard, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            try
            {
                if (await store.GetLastAsync(Stream, Subject(id), ended).ConfigureAwait(false) is { } last && last.Sequence > (ulong)afterSequence)
                {
                    heard();
                    return;
                }
            }
            catch (Exception)
            {
                // A look that fails found nothing; nobody else would look, so the next one is made whatever it was.
            }

            // Nobody tells this process, so it looks each second. The loop itself sees the cancellation.
            await Task.Delay(_lookAgain, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private string Subject(SagaId id) => streams.Subjects.Of(Kind, id, "message");

    private sealed class Looking : IDisposable
    {
        private readonly CancellationTokenSource _end = new();

        public CancellationToken Token => _end.Token;

        public void Dispose()
        {
            _end.Cancel();
            _end.Dispose();
        }
    }
}
