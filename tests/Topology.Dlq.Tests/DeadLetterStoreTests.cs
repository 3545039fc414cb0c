namespace Topology.Dlq.Tests;

public sealed class DeadLetterStoreTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static DeadLetterQuery All => new(DeadLetterHouse.Queue);

    [Fact]
    public async Task Each_part_of_a_query_selects()
    {
        await using var house = new DeadLetterHouse();
        var start = house.Time.GetUtcNow();
        var plain = house.Letter("a");
        var other = house.Letter("b") with
        {
            Reason = "r", ErrorType = "E", Tenant = "t", Fingerprint = "f", WorkflowId = "w", LastFailedAt = start.AddHours(1),
        };
        await house.Publisher.PublishAsync(plain, Token);
        await house.Publisher.PublishAsync(other, Token);
        foreach (var query in new[]
        {
            All with { Id = "b" }, All with { Reason = "r" }, All with { ErrorType = "E" }, All with { Tenant = "t" },
            All with { Fingerprint = "f" }, All with { WorkflowId = "w" }, All with { From = start.AddHours(1) },
        })
        {
            Assert.Equal(["b"], await Ids(house, query));
        }

        Assert.Equal(["a"], await Ids(house, All with { Until = start.AddHours(1) }));
        Assert.Equal(["a", "b"], await Ids(house, All with { Status = DeadLetterStatus.Open }));
        Assert.Empty(await Ids(house, All with { Status = DeadLetterStatus.Parked }));
    }

    [Fact]
    public async Task Looking_consumes_nothing()
    {
        await using var house = new DeadLetterHouse();
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(["a"], await Ids(house, All));
            Assert.Single(await house.Store.GroupAsync(All, Token));
            Assert.Equal(1, (await house.Store.StatsAsync(DeadLetterHouse.Queue, Token)).Open);
        }

        Assert.Equal(0, (await house.Store.GetAsync(DeadLetterHouse.Queue, "a", Token))!.ProcessorAttempts);
    }

    [Fact]
    public async Task Groups_count_letters_of_one_cause_and_show_the_latest()
    {
        await using var house = new DeadLetterHouse();
        var start = house.Time.GetUtcNow();
        for (var i = 0; i < 3; i++)
        {
            await house.Publisher.PublishAsync(
                house.Letter($"x{i}") with { Fingerprint = "x", ErrorMessage = $"m{i}", FirstFailedAt = start.AddHours(i), LastFailedAt = start.AddHours(i) },
                Token);
        }

        await house.Publisher.PublishAsync(house.Letter("y") with { Fingerprint = "y" }, Token);
        var groups = await house.Store.GroupAsync(All, Token);
        Assert.Equal(["x", "y"], groups.Select(group => group.Fingerprint));
        Assert.Equal((3, "m2", start, start.AddHours(2), "x2"), (groups[0].Count, groups[0].ErrorMessage, groups[0].FirstFailedAt, groups[0].LastFailedAt, groups[0].LatestId));
    }

    [Fact]
    public async Task Stats_count_by_reason_and_give_the_oldest()
    {
        await using var house = new DeadLetterHouse();
        var start = house.Time.GetUtcNow();
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        house.Time.Advance(TimeSpan.FromHours(1));
        await house.Publisher.PublishAsync(house.Letter("b") with { Reason = "r" }, Token);
        var stats = await house.Store.StatsAsync(DeadLetterHouse.Queue, Token);
        Assert.Equal(start, stats.OldestAt);
        Assert.Equal(1, stats.ByReason["r"]);
        Assert.Equal(1, stats.ByReason[DeadLetterReasons.CompensationExhausted]);
        Assert.True(stats.Bytes > 0);
    }

    [Fact]
    public async Task Discarding_closes_what_the_query_selects_and_only_that()
    {
        await using var house = new DeadLetterHouse();
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        await house.Publisher.PublishAsync(house.Letter("b") with { Reason = "r" }, Token);
        Assert.Equal(1, await house.Store.DiscardAsync(All with { Reason = "r" }, "known defect", Token));
        Assert.Equal(["a"], await Ids(house, All));
        Assert.Equal("discarded: known defect", (await house.Provider.ReadMarkAsync(DeadLetterHouse.Queue, "b", Token)).Closed);
        Assert.Equal(DeadLetterOutcome.AlreadyClosed, (await house.Publisher.PublishAsync(house.Letter("b"), Token)).Outcome);
    }

    private static async Task<List<string>> Ids(DeadLetterHouse house, DeadLetterQuery query) =>
        await house.Store.QueryAsync(query, Token).Select(letter => letter.Id).ToListAsync(Token);
}
