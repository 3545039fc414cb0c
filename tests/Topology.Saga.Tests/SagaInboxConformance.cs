namespace Topology.Saga.Tests;

/// <summary>What every inbox must do. A provider's tests derive from it.</summary>
public abstract class SagaInboxConformance
{
    private readonly string _definition = $"told-{Guid.NewGuid():N}";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_come_in_their_order_with_growing_sequences_and_to_their_saga_only()
    {
        var (inbox, id) = (await CreateAsync(), NewId("1"));
        var sequences = new List<long>();
        for (var i = 0; i < 5; i++)
        {
            sequences.Add(await inbox.PostAsync(id, Signal($"{i}"), Token));
            await inbox.PostAsync(NewId("11"), Signal("other"), Token);
        }

        Assert.True(sequences[0] > 0 && sequences.Zip(sequences.Skip(1)).All(pair => pair.First < pair.Second));
        Assert.Equal(["0", "1", "2", "3", "4"], (await inbox.ReadAsync(id, 0, mayLag: false, Token)).Select(Name));
        Assert.Equal(sequences.Skip(2), (await inbox.ReadAsync(id, sequences[1], mayLag: false, Token)).Select(entry => entry.Sequence));
        Assert.Empty(await inbox.ReadAsync(id, sequences[4], mayLag: false, Token));
        Assert.Empty(await inbox.ReadAsync(NewId("2"), 0, mayLag: false, Token));
    }

    [Fact]
    public async Task Every_kind_of_message_comes_back_as_it_was()
    {
        var (inbox, id) = (await CreateAsync(), NewId("kinds of ä/.*>"));
        var value = SagaValue.FromJson("""{"a":[1,"ä"]}"""u8.ToArray());
        SagaMessage[] messages =
        [
            new SagaMessage.Signal("s", value),
            new SagaMessage.Cancellation(true, "ada", "why"),
            new SagaMessage.Cancellation(false, "ada", "\"quoted\""),
            .. Enum.GetValues<SagaVerb>().Select(verb => new SagaMessage.Decision(verb, "step", "ada", "why")),
            new SagaMessage.Decision(SagaVerb.Retry, "step", "ada", "why", value),
        ];
        foreach (var message in messages)
        {
            await inbox.PostAsync(id, message, Token);
        }

        var read = (await inbox.ReadAsync(id, 0, mayLag: false, Token)).Select(entry => entry.Message).ToList();
        Assert.Equal(messages.Select(Text), read.Select(Text));

        static string Text(SagaMessage message) => message switch
        {
            SagaMessage.Signal signal => $"{signal.Name} {Json(signal.Value)}",
            SagaMessage.Decision decision => $"{decision with { NewInput = null }} {Json(decision.NewInput)}",
            _ => message.ToString(),
        };

        static string? Json(SagaValue? value) => value is null ? null : System.Text.Encoding.UTF8.GetString(value.ToJson().Span);
    }

    [Fact]
    public async Task Whoever_listens_is_told_of_a_message_whether_it_came_before_or_after()
    {
        var (inbox, id) = (await CreateAsync(), NewId("1"));
        var last = await inbox.PostAsync(id, Signal("a"), Token);
        var (before, after) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var first = inbox.Listen(id, 0, () => before.TrySetResult());
        await before.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);

        using var second = inbox.Listen(id, last, () => after.TrySetResult());
        await inbox.PostAsync(id, Signal("b"), Token);
        await after.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Fact]
    public async Task Whoever_has_ended_his_listening_is_told_of_nothing_that_comes_later()
    {
        var (inbox, id, told) = (await CreateAsync(), NewId("1"), 0);
        inbox.Listen(id, 0, () => told++).Dispose();
        var heard = new TaskCompletionSource();
        using var listening = inbox.Listen(id, 0, () => heard.TrySetResult());
        await inbox.PostAsync(id, Signal("a"), Token);
        await heard.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        Assert.Equal(0, told);
    }

    [Fact]
    public async Task What_is_forgotten_is_gone_and_nothing_else_is()
    {
        var (inbox, id) = (await CreateAsync(), NewId("1"));
        await inbox.PostAsync(id, Signal("a"), Token);
        await inbox.PostAsync(NewId("11"), Signal("b"), Token);
        await inbox.ForgetAsync(id, Token);
        await inbox.ForgetAsync(id, Token);
        Assert.Empty(await inbox.ReadAsync(id, 0, mayLag: false, Token));
        Assert.Single(await inbox.ReadAsync(NewId("11"), 0, mayLag: false, Token));
    }

    [Fact]
    public async Task A_read_that_must_not_lag_sees_every_post_that_has_returned()
    {
        var inbox = await CreateAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, 50), Token, async (n, token) =>
        {
            var id = NewId($"race-{n}");
            await inbox.ReadAsync(id, 0, mayLag: true, token);
            var sequence = await inbox.PostAsync(id, Signal("a"), token);
            Assert.Equal(sequence, Assert.Single(await inbox.ReadAsync(id, 0, mayLag: false, token)).Sequence);
        });
    }

    /// <summary>Makes an inbox, or returns one that others use too: definitions are the test's own.</summary>
    protected abstract ValueTask<ISagaInbox> CreateAsync();

    private static SagaMessage.Signal Signal(string name) => new(name, SagaValue.None);

    private static string Name(SagaInboxEntry entry) => ((SagaMessage.Signal)entry.Message).Name;

    private SagaId NewId(string value) => new(_definition, value);
}
