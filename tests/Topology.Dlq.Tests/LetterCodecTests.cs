using FsCheck.Xunit;
using NATS.Client.Core;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class LetterCodecTests(NatsFixture nats)
{
    private const int MaxPayload = 64 * 1024;

    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Property(MaxTest = 1_000)]
    public bool Any_text_is_printable_ascii_and_comes_back(string? text)
    {
        var encoded = HeaderText.Encode(text ?? "");
        return encoded.All(c => c is >= ' ' and <= '~') && encoded.Trim() == encoded && HeaderText.Decode(encoded) == Valid(text ?? "");
    }

    [Property(MaxTest = 1_000)]
    public bool Text_that_is_cut_stays_within_its_limit_and_readable(string? text, byte limit)
    {
        var encoded = HeaderText.Encode(text ?? "", limit + 20);
        var decoded = HeaderText.Decode(encoded);
        return encoded.Length <= limit + 20
            && (decoded == Valid(text ?? "") || (decoded.EndsWith(HeaderText.Truncated, StringComparison.Ordinal)
                && Valid(text ?? "").StartsWith(decoded[..^HeaderText.Truncated.Length], StringComparison.Ordinal)));
    }

    [Property(MaxTest = 300)]
    public bool Whatever_died_is_stored_and_its_body_and_headers_come_back_whole(
        string? text, byte[]? body, ushort grow, (string? Name, string? Value)[]? headers, ushort stack)
    {
        var letter = Letter(
            text ?? "", [.. body ?? [], .. new byte[grow]], [.. (headers ?? []).Select(pair => KeyValuePair.Create(pair.Name ?? "", pair.Value ?? ""))], stack * 20);
        var read = RoundTrip(letter, MaxPayload);
        return read.Body.Span.SequenceEqual(letter.Body.Span)
            && read.Headers.Select(pair => (Valid(pair.Key), Valid(pair.Value))).SequenceEqual(letter.Headers.Select(pair => (Valid(pair.Key), Valid(pair.Value))))
            && read.Id == letter.Id && read.Attempts == letter.Attempts && read.FirstFailedAt == letter.FirstFailedAt;
    }

    [Fact]
    public void Headers_stay_within_their_budget_and_what_is_cut_says_so()
    {
        var letter = Letter(new string('é', 100_000), new byte[10], [], 1_000_000);
        var encoded = LetterCodec.Encode(letter, 1 << 20);
        Assert.InRange(encoded.Headers.GetBytesLength(System.Text.Encoding.ASCII), 1, LetterCodec.HeaderBudget);
        var read = RoundTrip(letter, 1 << 20);
        Assert.EndsWith(HeaderText.Truncated, read.ErrorStack, StringComparison.Ordinal);
        Assert.EndsWith(HeaderText.Truncated, read.ErrorMessage, StringComparison.Ordinal);
        Assert.Empty(encoded.Overflow);
    }

    [Fact]
    public void A_server_that_takes_little_gets_no_more_headers_than_it_has_room_for()
    {
        const int Little = 8 * 1024;
        var letter = Letter("x", new byte[3 * Little], [new("k", "v")], 1_000_000);
        Assert.InRange(LetterCodec.Encode(letter, Little).Headers.GetBytesLength(System.Text.Encoding.ASCII), 1, Little / 4);
        Assert.Equal(letter.Body.ToArray(), RoundTrip(letter, Little).Body.ToArray());
    }

    [Fact]
    public void An_originals_headers_beyond_the_budget_are_kept_beside_the_letter()
    {
        var letter = Letter("x", new byte[10], [new("big", new string('h', 2 * LetterCodec.HeaderBudget))], 0);
        var encoded = LetterCodec.Encode(letter, 1 << 20);
        Assert.InRange(encoded.Headers.GetBytesLength(System.Text.Encoding.ASCII), 1, LetterCodec.HeaderBudget);
        Assert.Equal(letter.Headers, RoundTrip(letter, 1 << 20).Headers);
    }

    [Fact]
    public async Task At_the_servers_limit_every_original_is_dead_lettered_byte_for_byte()
    {
        await using var test = new JetStreamQueueUnderTest(
            nats.Connection, services => services.AddLimits(64L << 20));
        var random = new Random(7);
        var max = nats.Connection.ServerInfo!.MaxPayload;
        var n = 0;
        foreach (var size in new[] { max, max - 1, max - 600, max - 17_000, 3 * max, 0, 1 })
        {
            foreach (var headerSize in new[] { 0, 60_000 })
            {
                var body = new byte[size];
                random.NextBytes(body);
                var letter = test.Letter($"l{n++}") with
                {
                    Tenant = "evil.*.>\r\n" + new string('漢', 500),
                    Subject = "a.>\n",
                    ErrorMessage = "\r\n😀" + new string('\n', 5_000),
                    ErrorStack = new string('\r', 1 << 20),
                    Headers = [new("k", new string('v', headerSize)), new("k", "\n")],
                    Body = body,
                };
                Assert.True(await test.Provider.AppendAsync(letter, Token));
                var read = (await test.Provider.FindAsync(test.Queue, letter.Id, Token))!;
                Assert.True(read.Body.Span.SequenceEqual(body));
                Assert.Equal(letter.Headers, read.Headers);
                Assert.True(await test.Provider.RemoveAsync(test.Queue, letter.Id, Token));
            }
        }

        var marks = await new NATS.Client.JetStream.NatsJSContext(nats.Connection).GetStreamAsync(
            DeadLetterQueueNames.ToPhysicalMarks(test.Queue), cancellationToken: Token);
        Assert.Equal(0, marks.Info.State.Messages);
    }

    [Fact]
    public async Task What_another_program_puts_into_the_queue_is_a_letter_too()
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        await test.Provider.SampleAsync(test.Queue, Token);
        var subject = test.Queue.Replace(".dlq", ".failed", StringComparison.Ordinal);
        await nats.Connection.PublishAsync(subject, new byte[] { 1, 2 }, new NatsHeaders { ["k"] = "v" }, cancellationToken: Token);
        await nats.Connection.PublishAsync(subject + ".a.b.c", new byte[] { 3 }, new NatsHeaders { ["Dlq-Version"] = "1", ["Dlq-Id"] = "%" }, cancellationToken: Token);
        await nats.Connection.PingAsync(Token);

        var letters = await test.Provider.ReadAsync(test.Queue, Token).ToListAsync(Token);
        Assert.All(letters, letter => Assert.Equal(DeadLetterReasons.External, letter.Reason));
        Assert.Equal([1, 2], letters[0].Body.ToArray());
        Assert.Equal([new("k", "v")], letters[0].Headers);
        foreach (var letter in letters)
        {
            Assert.True(DeadLetterId.IsValid(letter.Id));
            Assert.NotNull(await test.Provider.FindAsync(test.Queue, letter.Id, Token));
            Assert.True(await test.Provider.RemoveAsync(test.Queue, letter.Id, Token));
        }

        Assert.Empty(await test.Provider.ReadAsync(test.Queue, Token).ToListAsync(Token));
    }

    [Fact]
    public void Every_tenant_has_a_token_of_its_own()
    {
        string[] tenants = ["-", "", "=", "==", "a", "A", "a.b", "a=2Eb", "a b", "*", ">", "é", new('x', 64), new('x', 65), new('x', 66)];
        var tokens = tenants.Select(JetStreamDeadLetterQueueProvider.TenantToken).ToList();
        Assert.Equal(tenants.Length, tokens.Distinct().Count());
        Assert.All(tokens, token => Assert.Matches("^[A-Za-z0-9=_-]{1,64}$", token));
    }

    private static DeadLetter Letter(string text, byte[] body, IReadOnlyList<KeyValuePair<string, string>> headers, int stack) => new()
    {
        Queue = "q.dlq",
        Id = "a",
        Subject = text,
        Tenant = text,
        Reason = text,
        ErrorType = text,
        ErrorMessage = text,
        ErrorStack = new string('\n', stack),
        WorkflowId = text,
        ContentType = text,
        Headers = headers,
        Body = body,
        Attempts = 3,
        FirstFailedAt = Time,
        LastFailedAt = Time,
        History = [new(1, Time, text)],
        Source = new(text, 1, text, Time, text),
    };

    private static DeadLetter RoundTrip(DeadLetter letter, int maxPayload)
    {
        var encoded = LetterCodec.Encode(letter, maxPayload);
        var headers = encoded.Headers.GetBytesLength(System.Text.Encoding.ASCII);
        Assert.True(headers + encoded.Body.Length + 200 <= maxPayload, $"{headers} + {encoded.Body.Length}");
        Assert.All(encoded.Overflow, part => Assert.True(part.Length <= maxPayload));
        Assert.Equal(encoded.Overflow.Count, LetterCodec.OverflowOf(encoded.Headers));
        byte[]? overflow = encoded.Overflow.Count == 0 ? null : [.. encoded.Overflow.SelectMany(part => part.ToArray())];
        return LetterCodec.Decode(letter.Queue, "ext", "s", Time, encoded.Headers, encoded.Body, overflow);
    }

    private static string Valid(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
