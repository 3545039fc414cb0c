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
        var listening = new Listening();
        _ = TellAsync(id, afterSequence, heard, listening.Token);
        return listening;
    }

    private async Task TellAsync(SagaId id, long afterSequence, Action heard, CancellationToken ended)
    {
        try
        {
            await WaitAsync(id, afterSequence, ended).ConfigureAwait(false);
        }
        catch (Exception) when (ended.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            if (!ended.IsCancellationRequested)
            {
                heard();
            }
        }
    }

    private async Task WaitAsync(SagaId id, long afterSequence, CancellationToken cancellationToken)
    {
        while (news.Find(id) is { } watch)
        {
            try
            {
                await watch.NextAsync().WaitAsync(SagaNews.LongestLag, time, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (TimeoutException)
            {
                if (await IsThereAsync(id, afterSequence, cancellationToken).ConfigureAwait(false))
                {
                    return;
                }
            }
        }

        // Not this process's to hold, so it hears nothing.
        while (!await IsThereAsync(id, afterSequence, cancellationToken).ConfigureAwait(false))
        {
            await Task.Delay(_lookAgain, time, cancellationToken).ConfigureAwait(false);
        }
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

    private async ValueTask<bool> IsThereAsync(SagaId id, long afterSequence, CancellationToken cancellationToken)
    {
        try
        {
            return await store.GetLastAsync(Stream, Subject(id), cancellationToken).ConfigureAwait(false) is { } last && last.Sequence > (ulong)afterSequence;
        }
        catch (SagaStoreException)
        {
            // The store is away for whoever could post too.
            return false;
        }
    }

    private string Subject(SagaId id) => streams.Subjects.Of(Kind, id, "message");

    private sealed class Listening : IDisposable
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
