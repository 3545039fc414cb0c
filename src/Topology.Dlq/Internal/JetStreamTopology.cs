using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Dlq.Internal;

/// <summary>The streams and consumers of queues, as far as this process needs them: looked at before their first use, and again when one has
/// gone. Thread safe.</summary>
internal sealed class JetStreamTopology(
    INatsConnection connection, DeadLetterQueues queues, IOptions<JetStreamDeadLetterOptions> options, ILogger<JetStreamTopology> logger)
    : IDeadLetterTopology, IDisposable
{
    private readonly JetStreamProvisioner _provisioner = new(new NatsJSContext(connection), queues, options.Value, logger);
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly HashSet<string> _ready = new(StringComparer.Ordinal); // also the lock of both
    private readonly HashSet<string> _looked = new(StringComparer.Ordinal);
    private readonly HashSet<DeadLetterDrift> _said = [];

    public NatsJSContext Context => _provisioner.Context;

    public async ValueTask<IReadOnlyList<DeadLetterDrift>> ApplyAsync(DeadLetterProvisioning mode, CancellationToken cancellationToken = default)
    {
        var drift = new List<DeadLetterDrift>();
        if (mode == DeadLetterProvisioning.Off)
            return drift;
        foreach (var queue in queues.Names.Order(StringComparer.Ordinal))
        {
            await JetStreamErrors.WrapAsync(
                queue,
                async () =>
                {
                    await _provisioner.StreamsAsync(queue, mode, drift, cancellationToken).ConfigureAwait(false);
                    await _provisioner.AdvisoriesAsync(queue, mode, drift, cancellationToken).ConfigureAwait(false);
                    var consumer = JetStreamShapes.Consumer(queues[queue].Consumer ?? DeadLetterWorker.AlertConsumer);
                    await _provisioner.ConsumerAsync(queue, DeadLetterQueueNames.ToPhysical(queue), consumer, mode, drift, cancellationToken).ConfigureAwait(false);
                    return true;
                }).ConfigureAwait(false);
        }

        return drift;
    }

    /// <summary>The time the server takes to answer.</summary>
    public ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken) => connection.PingAsync(cancellationToken);

    /// <summary>Looks whether every queue keeps its promises now, and whether the consumers this process uses are still there.</summary>
    /// <returns>What is broken; <see langword="null"/> when nothing is.</returns>
    public async ValueTask<string?> FindFaultAsync(CancellationToken cancellationToken)
    {
        var drift = new List<DeadLetterDrift>();
        foreach (var queue in queues.Names)
        {
            await JetStreamErrors.WrapAsync(
                queue,
                async () =>
                {
                    await _provisioner.StreamsAsync(queue, FirstLook(queue), drift, cancellationToken).ConfigureAwait(false);
                    lock (_ready)
                        _looked.Add(queue);

                    // A consumer comes with its processor; one that never ran here is another process's.
                    var consumer = queues[queue].Consumer ?? DeadLetterWorker.AlertConsumer;
                    if (IsReady($"{queue}/{consumer.Name}"))
                        await _provisioner.ConsumerAsync(queue, DeadLetterQueueNames.ToPhysical(queue), JetStreamShapes.Consumer(consumer), DeadLetterProvisioning.Verify, drift, cancellationToken).ConfigureAwait(false);
                    return true;
                }).ConfigureAwait(false);
        }

        return JetStreamProvisioner.Broken(drift);
    }

    // What is to be made here is not missing before its first use.
    private DeadLetterProvisioning FirstLook(string queue)
    {
        lock (_ready)
            return _ready.Contains(queue) || _looked.Contains(queue) || options.Value.Provision != DeadLetterProvisioning.Create ? DeadLetterProvisioning.Verify : DeadLetterProvisioning.Create;
    }

    /// <summary>Makes sure, once, that a queue's streams are there and keep their promises.</summary>
    public ValueTask EnsureAsync(string queue, CancellationToken cancellationToken) =>
        options.Value.Provision == DeadLetterProvisioning.Off || IsReady(queue) ? ValueTask.CompletedTask : EnsureStreamsAsync(queue, cancellationToken);

    private ValueTask EnsureStreamsAsync(string queue, CancellationToken cancellationToken) => OnceAsync(
        queue,
        queue,
        async drift =>
        {
            await _provisioner.StreamsAsync(queue, options.Value.Provision, drift, cancellationToken).ConfigureAwait(false);
            await _provisioner.AdvisoriesAsync(queue, options.Value.Provision, drift, cancellationToken).ConfigureAwait(false);
        },
        cancellationToken);

    /// <summary>Makes a call to a queue whose streams are there. Failures of the client become this package's.</summary>
    public async ValueTask<T> CallAsync<T>(string queue, Func<ValueTask<T>> call, CancellationToken cancellationToken)
    {
        _ = queues[queue];
        try
        {
            await EnsureAsync(queue, cancellationToken).ConfigureAwait(false);
            return await call().ConfigureAwait(false);
        }
        catch (Exception failure) when (JetStreamErrors.IsClients(failure))
        {
            throw Failed(queue, failure);
        }
    }

    /// <summary>Returns what a failure of the client is to be told as. After some the streams are looked for again.</summary>
    public DeadLetterException Failed(string queue, Exception failure)
    {
        if (failure is NatsNoRespondersException or NatsJSPublishNoResponseException or NatsJSApiException or NatsJSProtocolException)
            Forget(queue);
        return JetStreamErrors.Wrapped(queue, failure);
    }

    /// <summary>Makes sure that messages can be set aside.</summary>
    /// <returns>Whether they can; not when streams are made by somebody else who made none.</returns>
    public async ValueTask<bool> EnsureDelayedAsync(string queue, CancellationToken cancellationToken)
    {
        var what = $"{queue}/{JetStreamShapes.DelayedStream(queue)}";
        if (IsReady(what))
            return true;
        if (!await _provisioner.DelayedAsync(queue, options.Value.Provision, cancellationToken).ConfigureAwait(false))
            return false;
        lock (_ready)
            _ready.Add(what);
        return true;
    }

    /// <summary>Returns the stream of captured advisories, or null when there is none.</summary>
    public ValueTask<INatsJSStream?> FindAdvisoriesAsync(CancellationToken cancellationToken) => _provisioner.FindAdvisoriesAsync(cancellationToken);

    public async ValueTask<INatsJSConsumer> EnsureConsumerAsync(string queue, DeadLetterConsumerOptions consumer, CancellationToken cancellationToken)
    {
        await EnsureAsync(queue, cancellationToken).ConfigureAwait(false);
        var stream = DeadLetterQueueNames.ToPhysical(queue);
        await OnceAsync(
            queue,
            $"{queue}/{consumer.Name}",
            drift => _provisioner.ConsumerAsync(queue, stream, JetStreamShapes.Consumer(consumer), options.Value.Provision, drift, cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return await Context.GetConsumerAsync(stream, consumer.Name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes sure that a guarded consumer is there, on a stream whose messages do not outlive their marks.</summary>
    /// <returns>When the stream was created.</returns>
    public async ValueTask<DateTimeOffset> EnsureWorkAsync(
        string name, GuardedConsumerOptions work, CancellationToken cancellationToken)
    {
        await EnsureAsync(work.Queue, cancellationToken).ConfigureAwait(false);
        var stream = (await Context.GetStreamAsync(work.Stream, cancellationToken: cancellationToken).ConfigureAwait(false)).Info;
        var needed = stream.Config.MaxAge + TimeSpan.FromDays(1);
        if (stream.Config.MaxAge == TimeSpan.Zero)
            Log.MarksMayExpireFirst(logger, work.Queue, MarkMaxAge(work.Queue), work.Stream);
        else if (needed > MarkMaxAge(work.Queue))
            throw new DeadLetterException($"Dead-letter queue '{work.Queue}': mark_max_age is {MarkMaxAge(work.Queue)}; it must be {needed} or more, because stream '{work.Stream}' keeps messages {stream.Config.MaxAge}.") { Queue = work.Queue };

        var wanted = JetStreamShapes.Consumer(new() { Name = name, AckWait = work.AckWait }) with { FilterSubject = work.FilterSubject, MaxAckPending = work.MaxAckPending };
        await OnceAsync(
            work.Queue,
            $"{work.Queue}/{work.Stream}/{name}",
            drift => _provisioner.ConsumerAsync(work.Queue, work.Stream, wanted, options.Value.Provision, drift, cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return stream.Created;
    }

    /// <summary>Looks again at the next use: a stream that was there has gone.</summary>
    public void Forget(string queue)
    {
        lock (_ready)
        {
            _looked.Remove(queue);
            _ready.RemoveWhere(ready => ready == queue || ready.StartsWith($"{queue}/", StringComparison.Ordinal));
        }
    }

    public TimeSpan MarkMaxAge(string queue) => _provisioner.Shapes.MarkMaxAge(queue);

    public void Dispose() => _one.Dispose();

    private async ValueTask OnceAsync(
        string queue, string what, Func<List<DeadLetterDrift>, ValueTask> apply, CancellationToken cancellationToken)
    {
        if (options.Value.Provision == DeadLetterProvisioning.Off || IsReady(what))
            return;
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (IsReady(what))
                return;
            var drift = new List<DeadLetterDrift>();
            await apply(drift).ConfigureAwait(false);
            foreach (var field in drift.Where(_said.Add))
                Log.Drift(logger, field.Queue, field.Thing, field.Field, field.Wanted, field.Actual, field.NotSupported);
            if (JetStreamProvisioner.Broken(drift) is { } broken)
                throw new DeadLetterException($"Dead-letter queue '{queue}' cannot keep its promises on this server. {broken}.") { Queue = queue };
            lock (_ready)
                _ready.Add(what);
        }
        finally
        {
            _one.Release();
        }
    }

    private bool IsReady(string what)
    {
        lock (_ready)
            return _ready.Contains(what);
    }
}
