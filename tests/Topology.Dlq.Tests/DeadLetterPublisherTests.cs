using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Topology.Dlq.Internal;

namespace Topology.Dlq.Tests;

public sealed class DeadLetterPublisherTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_letter_is_stored_once_and_the_receipt_says_when_it_was_there()
    {
        await using var house = new DeadLetterHouse();
        var first = await house.Publisher.PublishAsync(house.Letter("a"), Token);
        var second = await house.Publisher.PublishAsync(house.Letter("a") with { Reason = "another" }, Token);

        Assert.Equal(new DeadLetterReceipt(DeadLetterHouse.Queue, "a", DeadLetterOutcome.Stored), first);
        Assert.False(first.AlreadyPresent);
        Assert.True(second.AlreadyPresent);
        Assert.Equal(DeadLetterReasons.CompensationExhausted, (await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token))!.Reason);
    }

    [Fact]
    public async Task Everything_a_publisher_knows_is_kept_and_the_body_byte_for_byte()
    {
        await using var house = new DeadLetterHouse();
        var body = new byte[] { 0, 10, 13, 255 };
        var letter = house.Letter("a") with
        {
            Body = body,
            Source = new DeadLetterSource("RUNS", 7, "worker", house.Time.GetUtcNow(), "m-1"),
            History = [new DeadLetterAttempt(1, house.Time.GetUtcNow(), "T")],
            RedriveCount = 2,
            Fingerprint = "f",
        };
        await house.Publisher.PublishAsync(letter, Token);
        body[0] = 9;

        var kept = (await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token))!;
        Assert.Equal(new byte[] { 0, 10, 13, 255 }, kept.Body.ToArray());
        Assert.Equal(letter.Headers, kept.Headers);
        Assert.Equal(letter with { Body = default, Headers = [] , History = [] }, kept with { Body = default, Headers = [], History = [] });
        Assert.Equal(letter.History, kept.History);
        Assert.Equal("1", kept.FindHeader("X-a"));
    }

    [Fact]
    public async Task The_transports_own_headers_are_stripped()
    {
        await using var house = new DeadLetterHouse();
        await house.Publisher.PublishAsync(house.Letter("a") with { Headers = [new("Nats-Msg-Id", "1"), new("nats-x", "2"), new("k", "v")] }, Token);
        Assert.Equal([new("k", "v")], (await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token))!.Headers);
    }

    [Fact]
    public async Task A_closed_letter_is_not_opened_again_and_one_closed_in_advance_never_opens()
    {
        await using var house = new DeadLetterHouse();
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        Assert.True(await house.Publisher.CloseAsync(DeadLetterHouse.Queue, "a", "settled", Token));
        Assert.False(await house.Publisher.CloseAsync(DeadLetterHouse.Queue, "a", "again", Token));
        Assert.True(await house.Publisher.CloseAsync(DeadLetterHouse.Queue, "b", "settled", Token));

        foreach (var id in new[] { "a", "b" })
        {
            Assert.Equal(DeadLetterOutcome.AlreadyClosed, (await house.Publisher.PublishAsync(house.Letter(id), Token)).Outcome);
            Assert.Null(await house.Provider.FindAsync(DeadLetterHouse.Queue, id, Token));
        }

        Assert.Equal("settled", (await house.Provider.ReadMarkAsync(DeadLetterHouse.Queue, "a", Token)).Closed);
    }

    [Fact]
    public async Task A_letter_that_has_aged_out_is_not_published_again()
    {
        await using var house = new DeadLetterHouse();
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        house.Time.Advance(TimeSpan.FromDays(30) + TimeSpan.FromHours(1));
        Assert.Null(await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token));
        Assert.Equal(DeadLetterOutcome.AlreadyPresent, (await house.Publisher.PublishAsync(house.Letter("a"), Token)).Outcome);
    }

    [Fact]
    public async Task A_full_queue_refuses_and_evicts_nothing()
    {
        await using var house = new DeadLetterHouse(services =>
            services.Configure<DeadLetterQueueOptions>(DeadLetterHouse.Queue, options => options.MaxBytes = 1 << 20));
        await house.Publisher.PublishAsync(house.Letter("a") with { Body = new byte[1 << 19] }, Token);
        var full = await Assert.ThrowsAsync<DeadLetterQueueFullException>(
            async () => await house.Publisher.PublishAsync(house.Letter("b") with { Body = new byte[1 << 19] }, Token));

        Assert.Equal(DeadLetterHouse.Queue, full.Queue);
        Assert.NotNull(await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token));
        Assert.Null(await house.Store.GetAsync(DeadLetterHouse.Queue, "b", Token));
        await house.Publisher.CloseAsync(DeadLetterHouse.Queue, "a", "room", Token);
        Assert.Equal(DeadLetterOutcome.Stored, (await house.Publisher.PublishAsync(house.Letter("b"), Token)).Outcome);
    }

    [Fact]
    public async Task An_unknown_queue_is_named_together_with_the_known_ones()
    {
        await using var house = new DeadLetterHouse();
        var unknown = await Assert.ThrowsAsync<DeadLetterException>(
            async () => await house.Publisher.PublishAsync(house.Letter("a", "agent.run"), Token));
        Assert.Contains("'agent.run'", unknown.Message, StringComparison.Ordinal);
        Assert.Contains(DeadLetterQueueNames.AgentRun, unknown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("a b")]
    [InlineData("ä")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123x")]
    public async Task An_id_that_cannot_be_a_subject_token_is_refused(string id)
    {
        await using var house = new DeadLetterHouse();
        await Assert.ThrowsAsync<ArgumentException>(async () => await house.Publisher.PublishAsync(house.Letter(id), Token));
    }

    [Fact]
    public async Task Letters_of_one_cause_share_a_fingerprint_whatever_their_messages_and_lines()
    {
        await using var house = new DeadLetterHouse();
        async Task<string> Fingerprint(string id, string reason, string type, string stack, string message)
        {
            await house.Publisher.PublishAsync(
                house.Letter(id) with { Reason = reason, ErrorType = type, ErrorStack = stack, ErrorMessage = message }, Token);
            return (await house.Store.GetAsync(DeadLetterHouse.Queue, id, Token))!.Fingerprint;
        }

        var first = await Fingerprint("a", "r", "T", "   at A.B() in /src/a.cs:line 1\n   at C.D()", "1");
        Assert.Equal(first, await Fingerprint("b", "r", "T", "   at A.B() in /src/a.cs:line 22\r\n   at X.Y()", "2"));
        Assert.NotEqual(first, await Fingerprint("c", "r", "U", "   at A.B() in /src/a.cs:line 1", "1"));
        Assert.NotEqual(first, await Fingerprint("d", "s", "T", "   at A.B() in /src/a.cs:line 1", "1"));
        Assert.NotEqual(first, await Fingerprint("e", "r", "T", "   at A.C() in /src/a.cs:line 1", "1"));
    }

    [Fact]
    public async Task The_root_cause_is_what_a_letter_names()
    {
        await using var house = new DeadLetterHouse();
        var letter = house.Letter("a").WithError(new InvalidOperationException("outer", new AggregateException(new TimeoutException("inner"))));
        Assert.Equal("System.TimeoutException", letter.ErrorType);
        Assert.Equal("inner", letter.ErrorMessage);
        var many = house.Letter("a").WithError(new AggregateException("two", new TimeoutException(), new TimeoutException()));
        Assert.Equal("System.AggregateException", many.ErrorType);
    }

    [Fact]
    public async Task A_crash_anywhere_in_a_publish_leaves_one_letter_once_it_is_published_again()
    {
        for (var crash = 1; crash <= 4; crash++)
        {
            foreach (var afterEffect in new[] { false, true })
            {
                await using var house = new DeadLetterHouse();
                var crashing = new CrashingProvider(house.Provider) { CrashAt = crash, CrashAfterEffect = afterEffect };
                var publisher = Publisher(house, crashing);
                if (crash <= 3)
                    await Assert.ThrowsAsync<CrashingProvider.CrashException>(async () => await publisher.PublishAsync(house.Letter("a"), Token));
                else
                    await publisher.PublishAsync(house.Letter("a"), Token);

                await house.Publisher.PublishAsync(house.Letter("a"), Token);
                Assert.Single(await house.Store.QueryAsync(new(DeadLetterHouse.Queue), Token).ToListAsync(Token));
                Assert.True((await house.Provider.ReadMarkAsync(DeadLetterHouse.Queue, "a", Token)).Transferred);
            }
        }
    }

    [Fact]
    public async Task The_letter_is_stored_before_its_mark_and_closed_by_its_mark_before_it_is_removed()
    {
        await using var house = new DeadLetterHouse();
        var journal = new CrashingProvider(house.Provider);
        var publisher = Publisher(house, journal);
        await publisher.PublishAsync(house.Letter("a"), Token);
        await publisher.CloseAsync(DeadLetterHouse.Queue, "a", "settled", Token);
        Assert.Equal(["append", "mark transferred", "mark closed", "remove"], journal.Journal);
    }

    [Fact]
    public async Task A_crash_between_the_closing_mark_and_the_removal_shows_nobody_the_letter_and_is_finished_by_any_later_call()
    {
        foreach (var finish in new Func<DeadLetterHouse, Task>[]
        {
            async house => await house.Publisher.CloseAsync(DeadLetterHouse.Queue, "a", "again", Token),
            async house => await house.Publisher.PublishAsync(house.Letter("a"), Token),
        })
        {
            await using var house = new DeadLetterHouse();
            await house.Publisher.PublishAsync(house.Letter("a"), Token);
            var publisher = Publisher(house, new CrashingProvider(house.Provider) { CrashAt = 3 });
            await Assert.ThrowsAsync<CrashingProvider.CrashException>(
                async () => await publisher.CloseAsync(DeadLetterHouse.Queue, "a", "settled", Token));

            Assert.NotNull(await house.Provider.FindAsync(DeadLetterHouse.Queue, "a", Token));
            Assert.Null(await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token));
            Assert.Empty(await house.Store.QueryAsync(new(DeadLetterHouse.Queue), Token).ToListAsync(Token));
            await finish(house);
            Assert.Null(await house.Provider.FindAsync(DeadLetterHouse.Queue, "a", Token));
        }
    }

    [Fact]
    public async Task A_letter_closed_while_it_is_stored_does_not_stay_and_is_counted_once()
    {
        await using var house = new DeadLetterHouse();
        using var counter = new MetricCollector<long>(
            house.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "Topology.Dlq", "dlq_messages_total");
        var racing = new RacingProvider(house.Provider, async () => await house.Publisher.CloseAsync(DeadLetterHouse.Queue, "a", "settled", Token));
        var receipt = await Publisher(house, racing).PublishAsync(house.Letter("a"), Token);
        Assert.Equal(DeadLetterOutcome.AlreadyClosed, receipt.Outcome);
        Assert.Null(await house.Provider.FindAsync(DeadLetterHouse.Queue, "a", Token));
        await Publisher(house, house.Provider).PublishAsync(house.Letter("a"), Token);
        Assert.Equal([1], counter.GetMeasurementSnapshot().Select(measurement => measurement.Value));
    }

    private static DeadLetterPublisher Publisher(DeadLetterHouse house, IDeadLetterQueueProvider provider) =>
        ActivatorUtilities.CreateInstance<DeadLetterPublisher>(house.Services, provider);
}
