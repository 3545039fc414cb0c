using System.Globalization;
using NATS.Client.JetStream.Models;

namespace Topology.Dlq.Internal;

/// <summary>What streams and consumers must be, and in which fields others differ from it.</summary>
internal sealed class JetStreamShapes(DeadLetterQueues queues, JetStreamDeadLetterOptions options)
{
    public static string DelayedStream(string queue) => DeadLetterQueueNames.ToPhysical(queue) + "_DELAYED";

    public TimeSpan MarkMaxAge(string queue) => options.MarkMaxAge ?? queues[queue].MaxAge + TimeSpan.FromDays(1);

    public StreamConfig Letters(string queue)
    {
        var configured = queues[queue];
        return Stream(queue, DeadLetterQueueNames.ToPhysical(queue), configured) with
        {
            Subjects = [.. configured.Subjects.SelectMany(subject => new[] { subject, $"{subject}.>" })],
            MaxAge = configured.MaxAge,
            MaxBytes = configured.MaxBytes,
            Description = $"Dead letters of {queue}",
        };
    }

    public StreamConfig Marks(string queue)
    {
        var name = DeadLetterQueueNames.ToPhysicalMarks(queue);
        return Stream(queue, name, queues[queue]) with
        {
            Subjects = [$"{name}.>"],
            MaxAge = MarkMaxAge(queue),
            MaxBytes = options.MaxMarkBytes,
            MaxMsgsPerSubject = 1,
            Description = $"Marks of {queue}",
        };
    }

    public StreamConfig Stream(string queue, string name, DeadLetterQueueOptions configured) => new(name, [])
    {
        Retention = StreamConfigRetention.Limits,
        Discard = StreamConfigDiscard.New,
        MaxMsgs = -1,
        MaxMsgsPerSubject = -1,
        MaxMsgSize = -1,
        Storage = configured.Storage == DeadLetterStorage.Memory ? StreamConfigStorage.Memory : StreamConfigStorage.File,
        NumReplicas = options.Replicas,
        DuplicateWindow = configured.MaxAge < TimeSpan.FromMinutes(2) ? configured.MaxAge : TimeSpan.FromMinutes(2),
        AllowDirect = true,
        Metadata = new Dictionary<string, string> { ["topology.name"] = queue },
    };

    public static ConsumerConfig Consumer(DeadLetterConsumerOptions consumer) => new(consumer.Name)
    {
        DurableName = consumer.Name,
        AckPolicy = ConsumerConfigAckPolicy.Explicit,
        AckWait = consumer.AckWait,
        MaxDeliver = -1,

        // A delayed letter counts as pending: a low limit would let the delayed ones stop all others.
        MaxAckPending = 100_000,
        DeliverPolicy = ConsumerConfigDeliverPolicy.All,
    };

    public static void Compare(string queue, StreamConfig wanted, StreamConfig actual, Version server, List<DeadLetterDrift> drift)
    {
        var fields = new Fields(queue, $"stream {wanted.Name}", drift);
        var missing = wanted.Subjects!.Except(actual.Subjects ?? [], StringComparer.Ordinal).Any();
        fields.Add("subjects", List(wanted.Subjects), List(actual.Subjects), breaks: missing);
        fields.Add("retention", wanted.Retention, actual.Retention, breaks: true);
        fields.Add("discard", wanted.Discard, actual.Discard, breaks: true);
        fields.Add("max_age", wanted.MaxAge, actual.MaxAge);
        fields.Add("max_bytes", wanted.MaxBytes, actual.MaxBytes);
        fields.Add("max_msgs", wanted.MaxMsgs, actual.MaxMsgs);
        fields.Add("max_msgs_per_subject", wanted.MaxMsgsPerSubject, actual.MaxMsgsPerSubject, breaks: true);
        fields.Add("max_msg_size", wanted.MaxMsgSize, actual.MaxMsgSize);
        fields.Add("storage", wanted.Storage, actual.Storage);
        fields.Add("num_replicas", wanted.NumReplicas, actual.NumReplicas);
        fields.Add("duplicate_window", wanted.DuplicateWindow, actual.DuplicateWindow);
        fields.Add("allow_direct", wanted.AllowDirect, actual.AllowDirect, breaks: true);
        fields.Add("deny_delete", false, actual.DenyDelete, breaks: true);
        fields.Add("discard_new_per_subject", false, actual.DiscardNewPerSubject, breaks: true);
        fields.Add("no_ack", false, actual.NoAck, breaks: true);
        fields.Add("description", wanted.Description ?? "", actual.Description ?? "");
        fields.Add(
            "metadata.topology.name", queue, actual.Metadata?.TryGetValue("topology.name", out var named) == true ? named : "", notSupported: server < new Version(2, 10));

        static string List(ICollection<string>? subjects) => string.Join(",", (subjects ?? []).Order(StringComparer.Ordinal));
    }

    public static void Compare(string queue, string thing, ConsumerConfig wanted, ConsumerConfig actual, List<DeadLetterDrift> drift)
    {
        var fields = new Fields(queue, thing, drift);
        fields.Add("ack_policy", wanted.AckPolicy, actual.AckPolicy, breaks: true);
        fields.Add("ack_wait", wanted.AckWait, actual.AckWait, breaks: actual.AckWait < wanted.AckWait);
        fields.Add("max_deliver", -1L, actual.MaxDeliver, breaks: true);
        fields.Add("max_ack_pending", wanted.MaxAckPending, actual.MaxAckPending);
        fields.Add("backoff", "", string.Join(",", actual.Backoff ?? []), breaks: true);
        fields.Add("filter_subject", wanted.FilterSubject ?? "", actual.FilterSubject ?? "", breaks: true);
        fields.Add("deliver_policy", wanted.DeliverPolicy, actual.DeliverPolicy);
        fields.Add("inactive_threshold", TimeSpan.Zero, actual.InactiveThreshold, breaks: true);
        fields.Add("headers_only", false, actual.HeadersOnly, breaks: true);
    }

    private sealed class Fields(string queue, string thing, List<DeadLetterDrift> drift)
    {
        public void Add<T>(string field, T wanted, T actual, bool breaks = false, bool notSupported = false)
        {
            if (!EqualityComparer<T>.Default.Equals(wanted, actual))
                drift.Add(new(queue, thing, field, Text(wanted), Text(actual), breaks, notSupported));
        }

        private static string Text<T>(T value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
    }
}
