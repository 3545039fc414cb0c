using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Items in one stream, one consumer per definition. They stay after they are done with, until their saga is forgotten: its start is its record.</summary>
internal sealed class JetStreamSagaDispatcher(
    INatsConnection connection, SagaStore store, SagaStreams streams, SagaNews news, SagaLeases leases, SagaAdmission admission, StoreClock clock, TimeProvider time,
    ILogger<JetStreamSagaDispatcher> logger) : ISagaDispatcher
{
    private const string Kind = "item";

    private readonly ConcurrentDictionary<SagaId, SagaStart> _held = new();
    private readonly SagaTimers _timers = new(store, streams, clock, time, logger);

    private string Stream => streams.Subjects.ItemStream;

    public async ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken)
    {
        await admission.RequireRoomAsync(cancellationToken).ConfigureAwait(false);
        return await store.PublishAsync(
            start.Id, Kind, "start", SagaCodec.Write(start), null, 0, cancellationToken).ConfigureAwait(false) is not null;
    }

    public async ValueTask WakeAsync(SagaId id, CancellationToken cancellationToken) =>
        await store.PublishAsync(id, Kind, "wake", default, null, null, cancellationToken).ConfigureAwait(false);

    public ValueTask SetTimerAsync(SagaId id, string stepId, TimeSpan delay, CancellationToken cancellationToken) =>
        _timers.SetAsync(new(id, stepId, delay), cancellationToken);

    public async ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken)
    {
        if (_held.TryGetValue(id, out var held))
        {
            return held;
        }

        return await store.GetLastAsync(Stream, streams.Subjects.Of(Kind, id, "start"), cancellationToken).ConfigureAwait(false) is { } found
            ? SagaCodec.ReadStart(id, await store.BodyAsync(Stream, found, cancellationToken).ConfigureAwait(false))
            : null;
    }

    public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) =>
        store.PurgeAsync(Stream, $"{streams.Subjects.Of(Kind, id)}.>", 0, cancellationToken);

    public async IAsyncEnumerable<ISagaLease> LeaseAsync(
        IReadOnlySet<string> definitions, Func<int> free, Action beat, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var taken = Channel.CreateUnbounded<SagaLease?>();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (loops, running, sources) = (new List<SagaLoop>(), new List<Task>(), new List<SagaItems>());
        var untaken = 0;
        foreach (var definition in definitions)
        {
            var items = new SagaItems(definition, store, streams, news, leases, time, logger, Began, Ended);
            sources.Add(items);
            Run($"work of {definition}", (_, token) => items.TakeAsync(taken, Share, token));
            running.Add(HearAsync(definition, ended.Token));
        }

        Run("timers", _timers.RoundAsync);
        connection.ConnectionOpened += MissedSomeAsync;
        connection.MessageDropped += MissedSomeAsync;
        try
        {
            while (await WaitAsync(taken.Reader, cancellationToken).ConfigureAwait(false))
            {
                if (loops.TrueForAll(loop => loop.IsAlive))
                {
                    beat();
                }

                if (taken.Reader.TryRead(out var lease) && lease is not null)
                {
                    Interlocked.Decrement(ref untaken);
                    yield return lease;
                }
            }
        }
        finally
        {
            connection.ConnectionOpened -= MissedSomeAsync;
            connection.MessageDropped -= MissedSomeAsync;
            await ended.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var source in sources)
            {
                await source.CloseAsync().ConfigureAwait(false);
            }

            while (taken.Reader.TryRead(out var lease))
            {
                if (lease is not null)
                {
                    await GiveBackAsync(lease).ConfigureAwait(false);
                }
            }
        }

        void Run(string name, Func<SagaLoop, CancellationToken, Task> round)
        {
            var loop = new SagaLoop(name, time, logger);
            loops.Add(loop);
            running.Add(loop.RunAsync(token => round(loop, token), ended.Token));
        }

        // The definitions share the slots, so that all of them together do not take more than there are.
        int Share()
        {
            var left = free() - Volatile.Read(ref untaken);
            return left <= 0 ? 0 : Math.Max(1, left / definitions.Count);
        }

        void Began(SagaLease lease)
        {
            Interlocked.Increment(ref untaken);
            if (lease.Start is { } start)
            {
                _held[lease.SagaId] = start;
            }
        }
    }

    private static async ValueTask<bool> WaitAsync(ChannelReader<SagaLease?> reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async ValueTask GiveBackAsync(SagaLease lease)
    {
        try
        {
            await lease.AbandonAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        }
        catch (SagaStoreException)
        {
            // Its lease runs out.
        }
    }

    private void Ended(SagaLease lease)
    {
        if (lease.Start is { } start)
        {
            _held.TryRemove(new(lease.SagaId, start));
        }
    }

    /// <summary>Listens to what is posted to the definition's sagas.</summary>
    private Task HearAsync(string definition, CancellationToken cancellationToken) => new SagaLoop($"news of {definition}", time, logger).RunAsync(
        async token =>
        {
            var subscription = await connection.SubscribeCoreAsync(
                streams.Subjects.NewsOf(definition), serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: token).ConfigureAwait(false);
            await using var disposal = subscription.ConfigureAwait(false);
            await connection.PingAsync(token).ConfigureAwait(false);
            news.MissedSome();
            await foreach (var message in subscription.Msgs.ReadAllAsync(token).ConfigureAwait(false))
            {
                news.Tell(new(definition, SagaStore.IdOf(message.Subject, message.Headers)));
            }
        },
        cancellationToken);

    private ValueTask MissedSomeAsync(object? sender, NatsEventArgs args)
    {
        news.MissedSome();
        return default;
    }
}
