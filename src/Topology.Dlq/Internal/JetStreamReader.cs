using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using NATS.Client.Core;

namespace Topology.Dlq.Internal;

/// <summary>Reads letters and marks by direct gets, one message at a time: no consumer is made, so looking can neither consume nor be in
/// anyone's way. Thread safe.</summary>
internal sealed class JetStreamReader(INatsConnection connection, JetStreamTopology topology, DeadLetterQueues queues)
{
    private const int MostSubjects = 4_096;

    private static readonly ConcurrentDictionary<string, string> s_marks = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, string> _subjects = new(StringComparer.Ordinal);

    public static string MarkSubject(string queue, string id) => $"{s_marks.GetOrAdd(queue, DeadLetterQueueNames.ToPhysicalMarks)}.{id}";

    public static string OverflowSubject(string queue, string id, int part) =>
        string.Create(CultureInfo.InvariantCulture, $"{MarkSubject(queue, id)}.overflow.{part}");

    /// <summary>Reads what a stream holds of some subjects when the reading begins, oldest first.</summary>
    public async IAsyncEnumerable<Stored> ScanAsync(
        string queue, string stream, string subject, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var last = await topology.CallAsync(
            queue,
            async () => (await topology.Context.GetStreamAsync(stream, cancellationToken: cancellationToken).ConfigureAwait(false)).Info.State.LastSeq,
            cancellationToken).ConfigureAwait(false);
        ulong next = 1;
        ulong width = 1;
        while (next <= last)
        {
            // What comes next is looked for; while nothing is missing, what follows it is asked for by number, many at a time.
            var at = next;
            var beyond = Math.Min(at + width, last + 1);
            var found = await topology.CallAsync(
                queue,
                async () => await Task.WhenAll(Range(at, beyond).Select(number => GetAsync(
                    stream, number == at ? $$"""{"seq":{{number}},"next_by_subj":"{{subject}}"}""" : $$"""{"seq":{{number}}}""", cancellationToken).AsTask()))
                    .ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
            if (found[0] is not { } first || first.Sequence > last)
                yield break;
            yield return first;
            next = first.Sequence + 1;
            var hits = 1;
            foreach (var stored in found.OfType<Stored>().Where(stored => stored.Sequence >= next && Matches(stored.Subject)))
            {
                yield return stored;
                next = stored.Sequence + 1;
                hits++;
            }

            next = Math.Max(next, beyond);
            width = 2 * hits > (int)width ? Math.Min(2 * width, 64) : Math.Max(1, width / 2);
        }

        bool Matches(string found) => subject == ">" || (found.StartsWith(subject[..^1], StringComparison.Ordinal) && !found.AsSpan(subject.Length - 1).Contains('.'));

        static IEnumerable<ulong> Range(ulong from, ulong beyond)
        {
            for (var number = from; number < beyond; number++)
                yield return number;
        }
    }

    /// <returns>The letter; null when it was removed meanwhile.</returns>
    public async ValueTask<DeadLetter?> ReadAsync(string queue, Stored stored, CancellationToken cancellationToken)
    {
        byte[]? overflow = null;
        if (LetterCodec.OverflowOf(stored.Headers) is > 0 and var parts && LetterCodec.Find(stored.Headers, "Dlq-Id") is { } id && DeadLetterId.IsValid(id))
        {
            using var all = new MemoryStream();
            for (var part = 0; part < parts; part++)
            {
                if (await GetAsync(
                    DeadLetterQueueNames.ToPhysicalMarks(queue), $$"""{"last_by_subj":"{{OverflowSubject(queue, id, part)}}"}""", cancellationToken)
                    .ConfigureAwait(false) is not { } found)
                {
                    return await LocateAsync(queue, id, cancellationToken).ConfigureAwait(false) is null
                        ? null
                        : throw new DeadLetterException($"Letter '{id}' in '{queue}' has lost its overflow part {part}.") { Queue = queue };
                }

                all.Write(found.Body.Span);
            }

            overflow = all.ToArray();
        }

        var letter = LetterCodec.Decode(queue, ExternalId(stored), stored.Subject, stored.StoredAt, stored.Headers, stored.Body, overflow);
        Remember(letter.Id, stored.Subject);
        return letter;
    }

    public async ValueTask<Stored?> GetAsync(string stream, string request, CancellationToken cancellationToken)
    {
        var reply = await connection.RequestAsync(
            $"{topology.Context.Opts.Prefix}.DIRECT.GET.{stream}",
            Encoding.UTF8.GetBytes(request),
            requestSerializer: NatsRawSerializer<byte[]>.Default,
            replySerializer: NatsRawSerializer<byte[]>.Default,
            replyOpts: new NatsSubOpts { Timeout = topology.Context.Opts.RequestTimeout },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        if (reply.Headers is { Code: 404 })
            return null;
        if (reply.Headers is not { Code: 0 } headers || LetterCodec.Find(headers, "Nats-Sequence") is not { } sequence)
            throw new NatsException($"A direct get from {stream} was answered with {reply.Headers?.Code} {reply.Headers?.MessageText}.");
        return new Stored(
            LetterCodec.Find(headers, "Nats-Subject") ?? "",
            ulong.Parse(sequence, CultureInfo.InvariantCulture),
            Time(LetterCodec.Find(headers, "Nats-Time-Stamp")),
            headers,
            reply.Data ?? []);
    }

    /// <summary>Finds a letter.</summary>
    public async ValueTask<Stored?> LocateAsync(string queue, string id, CancellationToken cancellationToken)
    {
        var stream = DeadLetterQueueNames.ToPhysical(queue);
        if (id.StartsWith("ext-", StringComparison.Ordinal)
            && ulong.TryParse(id.AsSpan(id.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
            && await GetAsync(stream, $$"""{"seq":{{sequence}}}""", cancellationToken).ConfigureAwait(false) is { } external
            && ExternalId(external) == id)
        {
            return external;
        }

        // Whoever removes or closes a letter has mostly read it: then its subject is known, and the server need not look at every letter.
        if (_subjects.TryGetValue(id, out var known)
            && await GetAsync(stream, $$"""{"last_by_subj":"{{known}}"}""", cancellationToken).ConfigureAwait(false) is { } there)
        {
            return there;
        }

        foreach (var subject in queues[queue].Subjects)
        {
            if (await GetAsync(stream, $$"""{"seq":1,"next_by_subj":"{{subject}}.*.{{id}}"}""", cancellationToken).ConfigureAwait(false) is { } found)
                return found;
        }

        return null;
    }

    /// <summary>Keeps in mind where a letter is, as long as there is room for it.</summary>
    public void Remember(string id, string subject)
    {
        if (!subject.EndsWith($".{id}", StringComparison.Ordinal) || subject.AsSpan().ContainsAny('"', '\\'))
            return;
        if (_subjects.Count >= MostSubjects)
            _subjects.Clear();
        _subjects[id] = subject;
    }

    public void Forget(string id) => _subjects.TryRemove(id, out _);

    public static DateTimeOffset Time(string? text) =>
        DateTimeOffset.Parse(text ?? "", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    // Seconds that tell one life of a stream from the next, in which its sequences start again.
    private static string ExternalId(Stored stored) => string.Create(
        CultureInfo.InvariantCulture, $"ext-{stored.StoredAt.ToUnixTimeSeconds():x}-{stored.Sequence}");

    internal readonly record struct Stored(string Subject, ulong Sequence, DateTimeOffset StoredAt, NatsHeaders? Headers, ReadOnlyMemory<byte> Body);
}
