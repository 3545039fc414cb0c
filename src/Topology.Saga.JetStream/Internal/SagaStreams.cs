using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Saga.JetStream.Internal;

/// <summary>The streams and consumers of sagas: what they must be, whether they are, and what may be done about it.</summary>
internal sealed class SagaStreams(INatsConnection connection, IOptions<JetStreamSagaOptions> options, TimeProvider time, ILogger<SagaStreams> logger)
{
    private static readonly Version _oldest = new(2, 9);
    private static readonly Version _oldestCluster = new(2, 9, 21);
    private static readonly Version _soundCluster = new(2, 11);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, bool> _consumers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _definitions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Drift, bool> _said = new();
    private volatile Task? _ready;
    private volatile bool _looked;

    public NatsJSContext Context { get; } = new(connection);

    public SagaSubjects Subjects { get; } = new(options.Value.Prefix);

    public JetStreamSagaOptions Options => options.Value;

    /// <summary>Whether the streams were looked at and keep their promises.</summary>
    public bool IsReady => _ready is { IsCompletedSuccessfully: true };

    /// <summary>Makes sure, once, that the streams are there and keep their promises.</summary>
    /// <exception cref="SagaStoreException">They do not, or the server cannot be asked.</exception>
    public ValueTask EnsureAsync(CancellationToken cancellationToken)
    {
        var ready = _ready;
        if (ready is not { IsCompletedSuccessfully: true })
        {
            lock (_lock)
            {
                // Everybody waits for one look, and goes by what it found.
                ready = _ready = _ready is { IsCompleted: false } or { IsCompletedSuccessfully: true } ? _ready : LookAsync();
            }
        }

        return ready.IsCompletedSuccessfully ? default : new(ready.WaitAsync(cancellationToken));
    }

    public async ValueTask EnsureConsumerAsync(string definition, CancellationToken cancellationToken)
    {
        await EnsureAsync(cancellationToken).ConfigureAwait(false);
        var wanted = Consumer(definition);
        if (!_consumers.ContainsKey(definition) && Options.Provision != SagaProvisioning.Off)
        {
            var drift = await ApplyAsync(wanted, Options.Provision, cancellationToken).ConfigureAwait(false);
            _definitions[definition] = true;
            Refuse(drift);
            _consumers[definition] = true;
        }
    }

    /// <summary>Looks again at the next use: something that was there has gone.</summary>
    public void Forget()
    {
        _ready = null;
        _consumers.Clear();
    }

    /// <summary>Looks whether everything keeps its promises now.</summary>
    /// <returns>What does not; <see langword="null"/> when everything does.</returns>
    public async ValueTask<string?> FindFaultAsync(CancellationToken cancellationToken)
    {
        await RequireServerAsync(cancellationToken).ConfigureAwait(false);

        // What is to be made here is not missing before its first use.
        var mode = _looked || _ready is { IsCompletedSuccessfully: true } || Options.Provision != SagaProvisioning.Create ? SagaProvisioning.Verify : SagaProvisioning.Create;
        var drift = await ApplyAsync(mode, cancellationToken).ConfigureAwait(false);
        _looked = true;
        foreach (var definition in _definitions.Keys)
        {
            drift.AddRange(await ApplyAsync(Consumer(definition), SagaProvisioning.Verify, cancellationToken).ConfigureAwait(false));
        }

        return Broken(drift);
    }

    private async Task LookAsync()
    {
        await Task.Yield();
        await RequireServerAsync(CancellationToken.None).ConfigureAwait(false);
        if (Options.Provision != SagaProvisioning.Off)
        {
            Refuse(await ApplyAsync(Options.Provision, CancellationToken.None).ConfigureAwait(false));
        }
    }

    private async ValueTask RequireServerAsync(CancellationToken cancellationToken)
    {
        await connection.ConnectAsync().AsTask().WaitAsync(Context.Opts.RequestTimeout, time, cancellationToken).ConfigureAwait(false);
        var text = connection.ServerInfo?.Version ?? "";
        var version = Version.TryParse(text.Split('-')[0], out var parsed) ? parsed : new Version(0, 0);
        if (version < _oldest)
        {
            throw new SagaStoreException($"NATS server {text} is too old for sagas; it must be 2.9 or later.");
        }

        if (Options.Replicas > 1 && version < _oldestCluster)
        {
            throw new SagaStoreException(
                $"NATS server {text} cannot keep sagas on {Options.Replicas} servers: before 2.9.21 two owners can both append at the same version there. Use Replicas = 1, or a later server.");
        }

        if (Options.Replicas > 1 && version < _soundCluster)
        {
            Log.OldCluster(logger, text);
        }
    }

    private async ValueTask<List<Drift>> ApplyAsync(SagaProvisioning mode, CancellationToken cancellationToken)
    {
        var drift = new List<Drift>();
        StreamConfig[] all =
        [
            Stream(Subjects.LogStream, Subjects.OfLog, Options.MaxLogBytes, "Histories of sagas"),
            Stream(Subjects.ItemStream, Subjects.OfItems, Options.MaxItemBytes, "Starts, wake-ups and inboxes of sagas"),
            Stream(Subjects.TimerStream, Subjects.OfTimers, Options.MaxTimerBytes, "Timers of sagas"),
        ];
        foreach (var wanted in all)
        {
            StreamConfig actual;
            try
            {
                actual = (await Context.GetStreamAsync(wanted.Name!, cancellationToken: cancellationToken).ConfigureAwait(false)).Info.Config;
            }
            catch (NatsJSApiException missing) when (missing.Error.ErrCode == SagaErrors.StreamNotFound)
            {
                if (mode != SagaProvisioning.Create)
                {
                    drift.Add(new($"stream {wanted.Name}", "exists", "true", "false", Breaks: true));
                    continue;
                }

                actual = (await Context.CreateStreamAsync(wanted, cancellationToken).ConfigureAwait(false)).Info.Config;
                Log.Created(logger, $"stream {wanted.Name}");
            }

            drift.AddRange(Compare(wanted, actual));
        }

        return drift;
    }

    private async ValueTask<List<Drift>> ApplyAsync(ConsumerConfig wanted, SagaProvisioning mode, CancellationToken cancellationToken)
    {
        var thing = $"consumer {Subjects.ItemStream}/{wanted.Name}";
        ConsumerConfig actual;
        try
        {
            actual = (await Context.GetConsumerAsync(Subjects.ItemStream, wanted.Name!, cancellationToken).ConfigureAwait(false)).Info.Config;
        }
        catch (NatsJSApiException missing) when (missing.Error.ErrCode is SagaErrors.ConsumerNotFound or SagaErrors.StreamNotFound)
        {
            if (mode != SagaProvisioning.Create)
            {
                return [new(thing, "exists", "true", "false", Breaks: true)];
            }

            actual = (await Context.CreateConsumerAsync(Subjects.ItemStream, wanted, cancellationToken).ConfigureAwait(false)).Info.Config;
            Log.Created(logger, thing);
        }

        return
        [
            .. Field(thing, "ack_policy", wanted.AckPolicy, actual.AckPolicy),
            .. Field(thing, "ack_wait", wanted.AckWait, actual.AckWait, breaks: actual.AckWait < wanted.AckWait),
            .. Field(thing, "max_deliver", -1L, actual.MaxDeliver),
            .. Field(thing, "max_ack_pending", wanted.MaxAckPending, actual.MaxAckPending, breaks: false),
            .. Field(thing, "backoff", 0, actual.Backoff?.Count ?? 0),
            .. Field(thing, "filter_subject", wanted.FilterSubject, actual.FilterSubject),
            .. Field(thing, "deliver_policy", wanted.DeliverPolicy, actual.DeliverPolicy),
            .. Field(thing, "inactive_threshold", TimeSpan.Zero, actual.InactiveThreshold),
        ];
    }

    private StreamConfig Stream(string name, string[] subjects, long maxBytes, string description) => new(name, subjects)
    {
        Description = description,
        Retention = StreamConfigRetention.Limits,
        Discard = StreamConfigDiscard.New,
        Storage = StreamConfigStorage.File,
        MaxBytes = maxBytes,
        NumReplicas = Options.Replicas,
        AllowDirect = true,
        AllowRollupHdrs = true,
        DuplicateWindow = TimeSpan.FromMinutes(2),
    };

    private ConsumerConfig Consumer(string definition) => new(SagaSubjects.Consumer(definition))
    {
        AckPolicy = ConsumerConfigAckPolicy.Explicit,
        AckWait = Options.AckWait,
        MaxDeliver = -1,

        // Items put back with a delay count as pending: a low limit would let them stop all others.
        MaxAckPending = 100_000,
        FilterSubject = Subjects.ItemsOf(definition),
        DeliverPolicy = ConsumerConfigDeliverPolicy.All,
    };

    private static List<Drift> Compare(StreamConfig wanted, StreamConfig actual)
    {
        var thing = $"stream {wanted.Name}";
        return
        [
            .. Field(thing, "subjects", Text(wanted.Subjects), Text(actual.Subjects), breaks: wanted.Subjects!.Except(actual.Subjects ?? []).Any()),
            .. Field(thing, "retention", wanted.Retention, actual.Retention),
            .. Field(thing, "discard", wanted.Discard, actual.Discard),
            .. Field(thing, "max_age", TimeSpan.Zero, actual.MaxAge),
            .. Field(thing, "max_msgs", -1L, actual.MaxMsgs),
            .. Field(thing, "max_msgs_per_subject", -1L, actual.MaxMsgsPerSubject),
            .. Field(thing, "max_bytes", wanted.MaxBytes, actual.MaxBytes, breaks: false),
            .. Field(thing, "storage", wanted.Storage, actual.Storage),
            .. Field(thing, "num_replicas", wanted.NumReplicas, actual.NumReplicas, breaks: false),
            .. Field(thing, "allow_direct", true, actual.AllowDirect),
            .. Field(thing, "allow_rollup_hdrs", true, actual.AllowRollupHdrs),
            .. Field(thing, "deny_delete", false, actual.DenyDelete),
            .. Field(thing, "deny_purge", false, actual.DenyPurge),
            .. Field(thing, "duplicate_window", wanted.DuplicateWindow, actual.DuplicateWindow, breaks: false),
        ];

        static string Text(ICollection<string>? subjects) => string.Join(",", (subjects ?? []).Order(StringComparer.Ordinal));
    }

    private static Drift[] Field<T>(string thing, string field, T wanted, T actual, bool breaks = true) =>
        EqualityComparer<T>.Default.Equals(wanted, actual)
            ? []
            : [new(thing, field, Convert.ToString(wanted, CultureInfo.InvariantCulture) ?? "", Convert.ToString(actual, CultureInfo.InvariantCulture) ?? "", breaks)];

    private void Refuse(List<Drift> drift)
    {
        foreach (var field in drift)
        {
            if (_said.TryAdd(field, true))
            {
                Log.Drift(logger, field.Thing, field.Name, field.Wanted, field.Actual);
            }
        }

        if (Broken(drift) is { } broken)
        {
            throw new SagaStoreException($"Sagas cannot keep their promises on this server. {broken}.");
        }
    }

    private static string? Broken(List<Drift> drift)
    {
        var broken = drift.FindAll(field => field.Breaks)
            .ConvertAll(field => field.Name == "exists" ? $"{field.Thing} is missing" : $"{field.Thing}: {field.Name} is {field.Actual}; it must be {field.Wanted}");
        return broken.Count > 0 ? string.Join(". ", broken) : null;
    }

    private readonly record struct Drift(string Thing, string Name, string Wanted, string Actual, bool Breaks);
}
