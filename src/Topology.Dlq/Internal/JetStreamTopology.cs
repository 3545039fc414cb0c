using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Dlq.Internal;

/// <summary>The streams and consumers of queues: what they must be, whether they are, and what may be done about it.</summary>
internal sealed class JetStreamTopology(
    INatsConnection connection, DeadLetterQueues queues, IOptions<JetStreamDeadLetterOptions> options, ILogger<JetStreamTopology> logger)
    : IDeadLetterTopology, IDisposable
{
    private const int StreamNotFound = 10059;
    private const int ConsumerNotFound = 10014;
    private const string AdvisoryStream = "TOPOLOGY_DLQ_ADVISORIES";

    private readonly NatsJSContext _context = new(connection);
    private readonly JetStreamShapes _shapes = new(queues, options.Value);
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly HashSet<string> _ready = new(StringComparer.Ordinal);
    private readonly HashSet<DeadLetterDrift> _said = [];

    public NatsJSContext Context => _context;

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
                    await StreamsAsync(queue, mode, drift, cancellationToken).ConfigureAwait(false);
                    await AdvisoriesAsync(queue, mode, drift, cancellationToken).ConfigureAwait(false);
                    var consumer = JetStreamShapes.Consumer(queues[queue].Consumer ?? DeadLetterWorker.AlertConsumer);
                    await ConsumerAsync(queue, DeadLetterQueueNames.ToPhysical(queue), consumer, mode, drift, cancellationToken).ConfigureAwait(false);
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
                    await StreamsAsync(queue, FirstLook(queue), drift, cancellationToken).ConfigureAwait(false);
                    lock (_ready)
                        _ready.Add($"{queue}/looked");

                    // A consumer comes with its processor; one that never ran here is another process's.
                    var consumer = queues[queue].Consumer ?? DeadLetterWorker.AlertConsumer;
                    if (IsReady($"{queue}/{consumer.Name}"))
                        await ConsumerAsync(queue, DeadLetterQueueNames.ToPhysical(queue), JetStreamShapes.Consumer(consumer), DeadLetterProvisioning.Verify, drift, cancellationToken).ConfigureAwait(false);
                    return true;
                }).ConfigureAwait(false);
        }

        return Broken(drift);
    }

    // What is to be made here is not missing before its first use.
    private DeadLetterProvisioning FirstLook(string queue)
    {
        lock (_ready)
            return _ready.Contains(queue) || _ready.Contains($"{queue}/looked") || options.Value.Provision != DeadLetterProvisioning.Create ? DeadLetterProvisioning.Verify : DeadLetterProvisioning.Create;
    }

    private static string? Broken(List<DeadLetterDrift> drift)
    {
        var broken = drift.Where(field => field.Breaks)
            .Select(field => field.Field == "exists" ? $"{field.Thing} is missing" : $"{field.Thing}: {field.Field} is {field.Actual}; it must be {field.Wanted}").ToList();
        return broken.Count > 0 ? string.Join(". ", broken) : null;
    }

    /// <summary>Makes sure, once, that a queue's streams are there and keep their promises.</summary>
    public ValueTask EnsureAsync(string queue, CancellationToken cancellationToken) =>
        options.Value.Provision == DeadLetterProvisioning.Off || IsReady(queue) ? ValueTask.CompletedTask : EnsureStreamsAsync(queue, cancellationToken);

    private ValueTask EnsureStreamsAsync(string queue, CancellationToken cancellationToken) => OnceAsync(
        queue,
        queue,
        async drift =>
        {
            await StreamsAsync(queue, options.Value.Provision, drift, cancellationToken).ConfigureAwait(false);
            await AdvisoriesAsync(queue, options.Value.Provision, drift, cancellationToken).ConfigureAwait(false);
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

    /// <summary>The stream of messages that were set aside. It is made when the first one is: few consumers ever need it.</summary>
    public static string DelayedStream(string queue) => DeadLetterQueueNames.ToPhysical(queue) + "_DELAYED";

    /// <summary>Makes sure that messages can be set aside.</summary>
    /// <returns>Whether they can; not when streams are made by somebody else who made none.</returns>
    public async ValueTask<bool> EnsureDelayedAsync(string queue, CancellationToken cancellationToken)
    {
        var name = DelayedStream(queue);
        if (IsReady($"{queue}/{name}"))
            return true;

        try
        {
            await _context.GetStreamAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (NatsJSApiException missing) when (missing.Error.ErrCode == StreamNotFound)
        {
            if (options.Value.Provision != DeadLetterProvisioning.Create)
                return false;
            await _context.CreateStreamAsync(
                _shapes.Stream(queue, name, queues[queue]) with
                {
                    Subjects = [$"{name}.>"],
                    Retention = StreamConfigRetention.Workqueue,
                    MaxAge = MarkMaxAge(queue),
                    MaxBytes = queues[queue].MaxBytes,
                    Description = $"Delayed messages for {queue}",
                },
                cancellationToken).ConfigureAwait(false);
            Log.Created(logger, queue, $"stream {name}");
        }

        lock (_ready)
            _ready.Add($"{queue}/{name}");
        return true;
    }

    /// <summary>Returns the stream of captured advisories, or null when there is none.</summary>
    public async ValueTask<INatsJSStream?> FindAdvisoriesAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _context.GetStreamAsync(AdvisoryStream, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (NatsJSApiException missing) when (missing.Error.ErrCode == StreamNotFound)
        {
            return null;
        }
    }

    public async ValueTask<INatsJSConsumer> EnsureConsumerAsync(string queue, DeadLetterConsumerOptions consumer, CancellationToken cancellationToken)
    {
        await EnsureAsync(queue, cancellationToken).ConfigureAwait(false);
        var stream = DeadLetterQueueNames.ToPhysical(queue);
        await OnceAsync(
            queue,
            $"{queue}/{consumer.Name}",
            drift => ConsumerAsync(queue, stream, JetStreamShapes.Consumer(consumer), options.Value.Provision, drift, cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return await _context.GetConsumerAsync(stream, consumer.Name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes sure that a guarded consumer is there, on a stream whose messages do not outlive their marks.</summary>
    /// <returns>When the stream was created.</returns>
    public async ValueTask<DateTimeOffset> EnsureWorkAsync(
        string name, GuardedConsumerOptions work, CancellationToken cancellationToken)
    {
        await EnsureAsync(work.Queue, cancellationToken).ConfigureAwait(false);
        var stream = (await _context.GetStreamAsync(work.Stream, cancellationToken: cancellationToken).ConfigureAwait(false)).Info;
        var needed = stream.Config.MaxAge + TimeSpan.FromDays(1);
        if (stream.Config.MaxAge == TimeSpan.Zero)
            Log.MarksMayExpireFirst(logger, work.Queue, MarkMaxAge(work.Queue), work.Stream);
        else if (needed > MarkMaxAge(work.Queue))
            throw new DeadLetterException($"Dead-letter queue '{work.Queue}': mark_max_age is {MarkMaxAge(work.Queue)}; it must be {needed} or more, because stream '{work.Stream}' keeps messages {stream.Config.MaxAge}.") { Queue = work.Queue };

        var wanted = JetStreamShapes.Consumer(new() { Name = name, AckWait = work.AckWait }) with { FilterSubject = work.FilterSubject, MaxAckPending = work.MaxAckPending };
        await OnceAsync(
            work.Queue,
            $"{work.Queue}/{work.Stream}/{name}",
            drift => ConsumerAsync(work.Queue, work.Stream, wanted, options.Value.Provision, drift, cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return stream.Created;
    }

    /// <summary>Looks again at the next use: a stream that was there has gone.</summary>
    public void Forget(string queue)
    {
        lock (_ready)
            _ready.RemoveWhere(ready => ready == queue || ready.StartsWith($"{queue}/", StringComparison.Ordinal));
    }

    public TimeSpan MarkMaxAge(string queue) => _shapes.MarkMaxAge(queue);

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
            if (Broken(drift) is { } broken)
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

    private async ValueTask StreamsAsync(string queue, DeadLetterProvisioning mode, List<DeadLetterDrift> drift, CancellationToken cancellationToken)
    {
        await RequireServerAsync(queue, cancellationToken).ConfigureAwait(false);
        foreach (var wanted in new[] { _shapes.Letters(queue), _shapes.Marks(queue) })
        {
            var thing = $"stream {wanted.Name}";
            StreamConfig actual;
            try
            {
                actual = (await _context.GetStreamAsync(wanted.Name!, cancellationToken: cancellationToken).ConfigureAwait(false)).Info.Config;
            }
            catch (NatsJSApiException missing) when (missing.Error.ErrCode == StreamNotFound)
            {
                if (mode != DeadLetterProvisioning.Create)
                {
                    drift.Add(new(queue, thing, "exists", "true", "false", Breaks: true, NotSupported: false));
                    continue;
                }

                actual = (await _context.CreateStreamAsync(wanted, cancellationToken).ConfigureAwait(false)).Info.Config;
                Log.Created(logger, queue, thing);
            }

            JetStreamShapes.Compare(queue, wanted, actual, ServerVersion, drift);
        }
    }

    /// <summary>Best effort: no queue waits for advisories of other people's consumers.</summary>
    private async ValueTask AdvisoriesAsync(string queue, DeadLetterProvisioning mode, List<DeadLetterDrift> drift, CancellationToken cancellationToken)
    {
        if (!options.Value.CaptureAdvisories || await FindAdvisoriesAsync(cancellationToken).ConfigureAwait(false) is not null)
            return;
        var thing = $"stream {AdvisoryStream}";
        if (mode != DeadLetterProvisioning.Create)
        {
            drift.Add(new(queue, thing, "exists", "true", "false", Breaks: false, NotSupported: false));
            return;
        }

        try
        {
            await _context.CreateStreamAsync(
                new StreamConfig(AdvisoryStream, [.. StrandedMessages.AdvisorySubjects])
                {
                    Description = "Messages that consumers gave up on",
                    Discard = StreamConfigDiscard.Old,
                    MaxAge = TimeSpan.FromDays(30),
                    MaxBytes = 16 << 20,
                    NumReplicas = options.Value.Replicas,
                },
                cancellationToken).ConfigureAwait(false);
            Log.Created(logger, queue, thing);
        }
        catch (NatsJSApiException refused)
        {
            drift.Add(new(queue, thing, "exists", "true", refused.Error.Description ?? "refused", Breaks: false, NotSupported: false));
        }
    }

    private async ValueTask ConsumerAsync(
        string queue, string stream, ConsumerConfig wanted, DeadLetterProvisioning mode, List<DeadLetterDrift> drift, CancellationToken cancellationToken)
    {
        var thing = $"consumer {stream}/{wanted.Name}";
        ConsumerConfig actual;
        try
        {
            actual = (await _context.GetConsumerAsync(stream, wanted.Name!, cancellationToken).ConfigureAwait(false)).Info.Config;
        }
        catch (NatsJSApiException missing) when (missing.Error.ErrCode is ConsumerNotFound or StreamNotFound)
        {
            if (mode != DeadLetterProvisioning.Create)
            {
                drift.Add(new(queue, thing, "exists", "true", "false", Breaks: true, NotSupported: false));
                return;
            }

            actual = (await _context.CreateConsumerAsync(stream, wanted, cancellationToken).ConfigureAwait(false)).Info.Config;
            Log.Created(logger, queue, thing);
        }

        JetStreamShapes.Compare(queue, thing, wanted, actual, drift);
    }

    private async ValueTask RequireServerAsync(string queue, CancellationToken cancellationToken)
    {
        await connection.ConnectAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
        if (ServerVersion < new Version(2, 9))
            throw new DeadLetterException($"NATS server {connection.ServerInfo?.Version} is too old for dead-letter queues; it must be 2.9 or later.") { Queue = queue };
    }

    private Version ServerVersion =>
        Version.TryParse(connection.ServerInfo?.Version.Split('-')[0], out var version) ? version : new Version(0, 0);
}
