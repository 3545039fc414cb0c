using System.Globalization;
using NATS.Client.Core;

namespace Topology.Dlq.Internal;

/// <summary>A letter as a NATS message: the body as it was, everything else in <c>Dlq-*</c> headers of printable ASCII.</summary>
/// <remarks>
/// A message that just fitted a server does not fit with our headers added. What is too much, original headers beyond the budget and the
/// tail of the body, is kept beside the letter as an overflow, so that nothing of the original is ever lost.
/// </remarks>
internal static class LetterCodec
{
    public const int HeaderBudget = 16 * 1024;

    private const string Version = "Dlq-Version";

    // What the client and the server add: message id, expected sequence, line ends.
    private const int Margin = 512;

    public readonly record struct Encoded(NatsHeaders Headers, ReadOnlyMemory<byte> Body, IReadOnlyList<ReadOnlyMemory<byte>> Overflow);

    public static Encoded Encode(DeadLetter letter, int maxPayload)
    {
        var budget = Math.Min(HeaderBudget, maxPayload / 4);
        var writer = new Writer(budget);
        writer.Add(Version, "1");
        writer.Add("Dlq-Id", letter.Id);
        writer.Add("Dlq-Reason", letter.Reason, 256);
        writer.Add("Dlq-Tenant", letter.Tenant, 512);
        writer.Add("Dlq-Subject", letter.Subject, 2048);
        writer.Add("Dlq-Content-Type", letter.ContentType, 256);
        writer.Add("Dlq-First-Failed-At", Time(letter.FirstFailedAt));
        writer.Add("Dlq-Last-Failed-At", Time(letter.LastFailedAt));
        writer.Add("Dlq-Attempts", Number(letter.Attempts));
        writer.Add("Dlq-Fingerprint", letter.Fingerprint, 128);
        writer.Add("Dlq-Redrive-Count", Number(letter.RedriveCount));
        writer.Add("Dlq-Workflow-Id", letter.WorkflowId, 512);
        if (letter.Source is { } source)
        {
            writer.Add("Dlq-Source-Stream", source.Stream, 512);
            writer.Add("Dlq-Source-Seq", source.Sequence.ToString(CultureInfo.InvariantCulture));
            writer.Add("Dlq-Source-Consumer", source.Consumer, 512);
            writer.Add("Dlq-Source-Time", Time(source.StoredAt));
            writer.Add("Dlq-Source-Msg-Id", source.MessageId, 512);
        }

        writer.AddAll("Dlq-History", letter.History, attempt => $"{Number(attempt.Number)} {Time(attempt.FailedAt)} {HeaderText.Encode(attempt.ErrorType ?? "", 128)}");
        writer.Add("Dlq-Error-Type", letter.ErrorType, 512);
        writer.Add("Dlq-Error-Message", letter.ErrorMessage, 2048);

        var pairsOverflow = !writer.AddAll(
            "Dlq-Header", letter.Headers, pair => $"{HeaderText.Encode(pair.Key).Replace("=", "%3D", StringComparison.Ordinal)}={HeaderText.Encode(pair.Value)}");
        writer.Add("Dlq-Error-Stack", letter.ErrorStack, Math.Min(8 * 1024, writer.Left - 64));

        var body = letter.Body;
        var room = maxPayload - writer.Used - Margin;
        if (!pairsOverflow && body.Length <= room)
            return new(writer.Headers, body, []);

        var tail = body.Length <= room ? ReadOnlyMemory<byte>.Empty : body[room..];
        var parts = LetterOverflow.Write(pairsOverflow ? letter.Headers : [], tail, maxPayload - Margin);
        writer.Add("Dlq-Overflow", Number(parts.Count));
        return new(writer.Headers, body[..^tail.Length], parts);
    }

    /// <summary>Returns how many overflow messages belong to a letter.</summary>
    public static int OverflowOf(NatsHeaders? headers) =>
        int.TryParse(Find(headers, "Dlq-Overflow"), NumberStyles.None, CultureInfo.InvariantCulture, out var parts) ? parts : 0;

    /// <summary>Reads a letter; a message that is none becomes one, so that nothing in a queue's subject is invisible.</summary>
    public static DeadLetter Decode(
        string queue, string externalId, string subject, DateTimeOffset storedAt, NatsHeaders? headers, ReadOnlyMemory<byte> body, byte[]? overflow)
    {
        try
        {
            if (Find(headers, Version) is not null)
                return DecodeOurs(queue, headers!, body, overflow);
        }
        catch (FormatException)
        {
            // Somebody else's message that looks like ours.
        }

        return new DeadLetter
        {
            Queue = queue,
            Id = externalId,
            Subject = subject,
            Reason = DeadLetterReasons.External,
            Fingerprint = DeadLetterReasons.External,
            Headers = Others(headers),
            Body = body,
            FirstFailedAt = storedAt,
            LastFailedAt = storedAt,
        };
    }

    /// <summary>Returns the headers of a message in their order, without those of the transport and those whose names begin in a certain way.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Others(NatsHeaders? headers, string? except = null)
    {
        if (headers is null || headers.Count == 0)
            return [];
        var others = new List<KeyValuePair<string, string>>(headers.Count);
        foreach (var (name, values) in headers)
        {
            if (name.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase) || except is not null && name.StartsWith(except, StringComparison.OrdinalIgnoreCase))
                continue;
            foreach (var value in values)
                others.Add(new(name, value ?? ""));
        }

        return others;
    }

    /// <summary>Returns a header's value. A letter from this package has each of its own once.</summary>
    public static string? Find(NatsHeaders? headers, string name) =>
        headers is not null && headers.TryGetValue(name, out var values) && values.Count > 0 ? values[0] : null;

    private static DeadLetter DecodeOurs(string queue, NatsHeaders headers, ReadOnlyMemory<byte> body, byte[]? overflow)
    {
        IReadOnlyList<KeyValuePair<string, string>> others = [.. All("Dlq-Header").Select(pair =>
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            return equals < 0 ? throw new FormatException("A header pair has no '='.") : KeyValuePair.Create(HeaderText.Decode(pair[..equals]), HeaderText.Decode(pair[(equals + 1)..]));
        })];
        if (overflow is not null)
        {
            var (more, tail) = LetterOverflow.Read(overflow);
            others = more.Count > 0 ? more : others;
            if (tail.Length > 0)
            {
                var whole = new byte[body.Length + tail.Length];
                body.CopyTo(whole);
                tail.CopyTo(whole.AsMemory(body.Length));
                body = whole;
            }
        }

        return new DeadLetter
        {
            Queue = queue,
            Id = Text("Dlq-Id") is { } id && DeadLetterId.IsValid(id) ? id : throw new FormatException("Dlq-Id is missing."),
            Reason = Text("Dlq-Reason") ?? "",
            Tenant = Text("Dlq-Tenant") ?? DeadLetter.NoTenant,
            Subject = Text("Dlq-Subject") ?? "",
            ContentType = Text("Dlq-Content-Type"),
            FirstFailedAt = ParseTime(Text("Dlq-First-Failed-At")),
            LastFailedAt = ParseTime(Text("Dlq-Last-Failed-At")),
            Attempts = ParseNumber(Text("Dlq-Attempts")),
            Fingerprint = Text("Dlq-Fingerprint") ?? "",
            RedriveCount = ParseNumber(Text("Dlq-Redrive-Count")),
            WorkflowId = Text("Dlq-Workflow-Id"),
            Source = Text("Dlq-Source-Stream") is { } stream
                ? new DeadLetterSource(
                    stream,
                    ulong.Parse(Text("Dlq-Source-Seq") ?? "", NumberStyles.None, CultureInfo.InvariantCulture),
                    Text("Dlq-Source-Consumer") ?? "",
                    ParseTime(Text("Dlq-Source-Time")),
                    Text("Dlq-Source-Msg-Id"))
                : null,
            History = [.. All("Dlq-History").Select(line =>
            {
                var parts = line.Split(' ', 3);
                var type = parts.Length > 2 && parts[2].Length > 0 ? HeaderText.Decode(parts[2]) : null;
                return parts.Length < 2 ? throw new FormatException("Dlq-History is not one.") : new DeadLetterAttempt(ParseNumber(parts[0]), ParseTime(parts[1]), type);
            })],
            ErrorType = Text("Dlq-Error-Type"),
            ErrorMessage = Text("Dlq-Error-Message"),
            ErrorStack = Text("Dlq-Error-Stack"),
            Headers = others,
            Body = body,
        };

        string? Text(string name) => Find(headers, name) is { } value ? HeaderText.Decode(value) : null;

        IEnumerable<string> All(string name) => headers.TryGetValue(name, out var values) ? values.OfType<string>() : [];
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static DateTimeOffset ParseTime(string? text) => DateTimeOffset.Parse(text ?? "", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    private static int ParseNumber(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new FormatException("A number is missing.");

    private sealed class Writer(int budget)
    {
        public NatsHeaders Headers { get; } = new(29);

        public int Used { get; private set; } = 16;

        public int Left => budget - Used;

        public void Add(string name, string? text, int limit = int.MaxValue)
        {
            if (text is null || limit < HeaderText.Truncated.Length)
                return;
            var value = HeaderText.Encode(text, limit);
            Headers[name] = value;
            Used += Size(name, value);
        }

        /// <returns>Whether they fit; else none is added.</returns>
        public bool AddAll<T>(string name, IReadOnlyList<T> items, Func<T, string> encode)
        {
            if (items.Count == 0)
                return true;
            var values = new string[items.Count];
            var size = 0;
            for (var i = 0; i < values.Length; i++)
                size += Size(name, values[i] = encode(items[i]));
            if (size > Left)
                return false;
            Headers[name] = values;
            Used += size;
            return true;
        }

        private static int Size(string name, string value) => name.Length + value.Length + 4;
    }
}
