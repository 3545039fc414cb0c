namespace Topology.Dlq.Tests;

/// <summary>What every provider of dead-letter queues must do. Each rule gets an empty queue.</summary>
internal static class DeadLetterQueueConformance
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(3);

    public static IReadOnlyDictionary<string, Func<QueueUnderTest, Task>> Rules { get; } = new Dictionary<string, Func<QueueUnderTest, Task>>
    {
        ["a letter is stored once per id"] = async test =>
        {
            Assert.True(await test.Provider.AppendAsync(test.Letter("a"), Token));
            Assert.False(await test.Provider.AppendAsync(test.Letter("a") with { Reason = "other" }, Token));
            Assert.Equal("r", (await test.Provider.FindAsync(test.Queue, "a", Token))!.Reason);
            Assert.Single(await ReadAsync(test));
        },
        ["of concurrent appends with one id one stores"] = async test =>
        {
            await test.Provider.FindAsync(test.Queue, "x", Token);
            var stored = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => test.Provider.AppendAsync(test.Letter("a"), Token).AsTask()));
            Assert.Single(stored, won => won);
            Assert.Single(await ReadAsync(test));
        },
        ["what is appended is what is read, whatever it holds"] = async test =>
        {
            var hostile = " a\r\nb\n%41\u0000é漢😀\ud800 ";
            var letter = test.Letter("a") with
            {
                Tenant = "a.b.*.> " + hostile,
                Subject = "s.*.>",
                Reason = hostile,
                ErrorType = hostile,
                ErrorMessage = hostile,
                ErrorStack = "   at A()\r\n   at B()",
                ContentType = "text/plain; charset=utf-8",
                WorkflowId = hostile,
                Attempts = 7,
                RedriveCount = 2,
                Fingerprint = "fp",
                Headers = [new("x", "1"), new("X", ""), new("é\n=", hostile), new("x", "2"), new("Dlq-Id", "mine")],
                History = [new(1, test.Now, "T"), new(2, test.Now.AddTicks(1), null)],
                Source = new("STREAM", ulong.MaxValue, "consumer", test.Now, hostile),
                Body = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray(),
            };
            await test.Provider.AppendAsync(letter, Token);
            foreach (var read in new[] { await test.Provider.FindAsync(test.Queue, "a", Token), (await ReadAsync(test)).Single() })
            {
                Assert.Equal(letter.Body.ToArray(), read!.Body.ToArray());
                Assert.Equal(letter.Headers.Select(Clean), read.Headers.Select(Clean));
                Assert.Equal(letter.History, read.History);
                Assert.Equal(Clean(Flat(letter).ToString()), Clean(Flat(read).ToString()));
            }

            static DeadLetter Flat(DeadLetter letter) => letter with { Body = default, Headers = [], History = [] };
            static string Clean<T>(T text) => text!.ToString()!.Replace('\ud800', '\ufffd');
        },
        ["an empty body stays empty"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a") with { Body = default }, Token);
            Assert.Equal(0, (await test.Provider.FindAsync(test.Queue, "a", Token))!.Body.Length);
        },
        ["an absent letter is not found, a removed one is gone, once"] = async test =>
        {
            Assert.Null(await test.Provider.FindAsync(test.Queue, "a", Token));
            Assert.False(await test.Provider.RemoveAsync(test.Queue, "a", Token));
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            await test.Provider.AppendAsync(test.Letter("b"), Token);
            Assert.True(await test.Provider.RemoveAsync(test.Queue, "a", Token));
            Assert.False(await test.Provider.RemoveAsync(test.Queue, "a", Token));
            Assert.Null(await test.Provider.FindAsync(test.Queue, "a", Token));
            Assert.Equal(["b"], (await ReadAsync(test)).Select(letter => letter.Id));
        },
        ["reading is oldest first, consumes nothing, and ends with what was there"] = async test =>
        {
            foreach (var id in new[] { "c", "a", "b" })
                await test.Provider.AppendAsync(test.Letter(id), Token);
            var seen = new List<string>();
            await foreach (var letter in test.Provider.ReadAsync(test.Queue, Token))
            {
                seen.Add(letter.Id);
                await test.Provider.AppendAsync(test.Letter(letter.Id + "2"), Token);
            }

            Assert.Equal(["c", "a", "b"], seen);
            Assert.Equal(6, (await ReadAsync(test)).Count);
            Assert.Equal("c", (await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon))?.Letter.Id);
        },
        ["a mark is empty until written and then what was written"] = async test =>
        {
            Assert.Equal(new DeadLetterMark { Queue = test.Queue, Id = "a" }, await test.Provider.ReadMarkAsync(test.Queue, "a", Token));
            var mark = new DeadLetterMark
            {
                Queue = test.Queue, Id = "a", Starts = 2, Transferred = true, ProcessorStarts = 3, Parked = "é", RedriveStarted = 4,
                RedrivePosition = ulong.MaxValue, RedriveDone = 4, Closed = "why",
            };
            var at = test.Now;
            var revision = await test.Provider.TryWriteMarkAsync(mark with { Steps = ["one", "two"], History = [new(1, at, "T")] }, Token);
            var read = await test.Provider.ReadMarkAsync(test.Queue, "a", Token);
            Assert.Equal(["one", "two"], read.Steps);
            Assert.Equal([new DeadLetterAttempt(1, at, "T")], read.History.ToArray());
            Assert.Equal((mark with { Revision = revision!.Value, Steps = [], History = [] }).ToString(), (read with { Steps = [], History = [] }).ToString());
            Assert.Equal(["a"], await test.Provider.ReadMarksAsync(test.Queue, Token).Select(found => found.Id).ToListAsync(Token));
        },
        ["a mark is written by compare-and-set"] = async test =>
        {
            var empty = await test.Provider.ReadMarkAsync(test.Queue, "a", Token);
            var first = await test.Provider.TryWriteMarkAsync(empty with { Starts = 1 }, Token);
            Assert.NotNull(first);
            Assert.Null(await test.Provider.TryWriteMarkAsync(empty with { Starts = 9 }, Token));
            var second = await test.Provider.TryWriteMarkAsync(empty with { Starts = 2, Revision = first.Value }, Token);
            Assert.NotNull(second);
            Assert.Null(await test.Provider.TryWriteMarkAsync(empty with { Starts = 9, Revision = first.Value }, Token));
            Assert.Equal((2, second.Value), await Mark("a"));
            Assert.NotNull(await test.Provider.TryWriteMarkAsync(new() { Queue = test.Queue, Id = "b", Starts = 5 }, Token));
            Assert.Equal((2, second.Value), await Mark("a"));

            async Task<(int, ulong)> Mark(string id)
            {
                var mark = await test.Provider.ReadMarkAsync(test.Queue, id, Token);
                return (mark.Starts, mark.Revision);
            }
        },
        ["of concurrent writers of a mark one wins"] = async test =>
        {
            var empty = await test.Provider.ReadMarkAsync(test.Queue, "a", Token);
            var written = await Task.WhenAll(Enumerable.Range(1, 20).Select(async i =>
                (i, Revision: await test.Provider.TryWriteMarkAsync(empty with { Starts = i }, Token))));
            var winner = Assert.Single(written, attempt => attempt.Revision is not null);
            Assert.Equal(winner.i, (await test.Provider.ReadMarkAsync(test.Queue, "a", Token)).Starts);
        },
        ["a mark outlives its letter and is no letter"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            await test.Provider.TryWriteMarkAsync(new() { Queue = test.Queue, Id = "a", Closed = "x" }, Token);
            await test.Provider.RemoveAsync(test.Queue, "a", Token);
            Assert.Equal("x", (await test.Provider.ReadMarkAsync(test.Queue, "a", Token)).Closed);
            Assert.Empty(await ReadAsync(test));
        },
        ["a letter is lent once until its time is over, and again then"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            Assert.Equal("a", (await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon))?.Letter.Id);
            Assert.Null(await test.ReceiveAsync(QueueUnderTest.Consumer(), TimeSpan.FromSeconds(0.5)));
            Assert.Equal("a", (await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon))?.Letter.Id);
        },
        ["a settled letter is not lent again and stays in the queue"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            var delivery = await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon);
            await delivery!.SettleAsync(Token);
            await delivery.SettleAsync(Token);
            Assert.Null(await test.ReceiveAsync(QueueUnderTest.Consumer(), TimeSpan.FromSeconds(1.6)));
            Assert.Single(await ReadAsync(test));
        },
        ["a letter that is put back comes after its delay and not before"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            var delivery = await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon);
            await delivery!.PutBackAsync(TimeSpan.FromSeconds(2), Token);
            Assert.Null(await test.ReceiveAsync(QueueUnderTest.Consumer(), TimeSpan.FromSeconds(1.5)));
            Assert.NotNull(await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon));
        },
        ["a delayed letter does not hold up the others"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            await test.Provider.AppendAsync(test.Letter("b"), Token);
            var delivery = await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon);
            await delivery!.PutBackAsync(TimeSpan.FromHours(1), Token);
            Assert.Equal("b", (await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon))?.Letter.Id);
        },
        ["renewing lends for another full time"] = async test =>
        {
            // A machine that comes too late to a renewal has shown nothing, and looks again.
            var late = true;
            for (var letter = 0; late && letter < 20; letter++)
            {
                await test.Provider.AppendAsync(test.Letter($"a{letter}"), Token);
                var delivery = await test.ReceiveAsync(QueueUnderTest.Consumer(), Soon);
                var renewed = test.Now;
                late = false;
                for (var i = 0; i < 5; i++)
                {
                    await test.PassAsync(TimeSpan.FromSeconds(0.4));
                    await delivery!.RenewAsync(Token);
                    late |= test.Now - renewed > TimeSpan.FromSeconds(0.8);
                    renewed = test.Now;
                }

                var again = await test.ReceiveAsync(QueueUnderTest.Consumer(), TimeSpan.FromSeconds(0.5));
                if (again is null)
                    return;
                late |= test.Now - renewed > TimeSpan.FromSeconds(0.8);
                await again.SettleAsync(Token);
            }

            Assert.True(late, "A letter was lent again though it was renewed.");
        },
        ["each consumer is lent every letter"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            await (await test.ReceiveAsync(QueueUnderTest.Consumer("one"), Soon))!.SettleAsync(Token);
            Assert.NotNull(await test.ReceiveAsync(QueueUnderTest.Consumer("two"), Soon));
        },
        ["a letter that comes while a processor waits is lent at once"] = async test =>
        {
            var receiving = test.ReceiveAsync(QueueUnderTest.Consumer(), TimeSpan.FromSeconds(20));
            await test.PassAsync(TimeSpan.FromSeconds(0.2));
            Assert.False(receiving.IsCompleted);
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            Assert.Equal("a", (await receiving)?.Letter.Id);
        },
        ["a full queue refuses, evicts nothing, and has room again after a removal"] = async test =>
        {
            await test.Provider.AppendAsync(test.Letter("a") with { Body = new byte[600_000] }, Token);
            var full = await Assert.ThrowsAsync<DeadLetterQueueFullException>(
                async () => await test.Provider.AppendAsync(test.Letter("b") with { Body = new byte[600_000] }, Token));
            Assert.Equal(test.Queue, full.Queue);
            Assert.Equal(["a"], (await ReadAsync(test)).Select(letter => letter.Id));
            await test.Provider.RemoveAsync(test.Queue, "a", Token);
            Assert.True(await test.Provider.AppendAsync(test.Letter("b") with { Body = new byte[600_000] }, Token));
        },
        ["a sample counts"] = async test =>
        {
            Assert.Equal(new DeadLetterQueueSample(0, 0, null), await test.Provider.SampleAsync(test.Queue, Token));
            var before = test.Now;
            await test.Provider.AppendAsync(test.Letter("a"), Token);
            await test.Provider.AppendAsync(test.Letter("b"), Token);
            var sample = await test.Provider.SampleAsync(test.Queue, Token);
            Assert.Equal(2, sample.Letters);
            Assert.True(sample.Bytes > 0);
            Assert.InRange(sample.OldestAt!.Value, before.AddSeconds(-1), test.Now.AddSeconds(1));
        },
        ["an unknown queue is refused"] = async test =>
        {
            await Assert.ThrowsAsync<DeadLetterException>(async () => await test.Provider.FindAsync("no.such.dlq", "a", Token));
        },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<List<DeadLetter>> ReadAsync(QueueUnderTest test) => await test.Provider.ReadAsync(test.Queue, Token).ToListAsync(Token);
}
