using System.Text;
using Platform.Realtime;

namespace Topology.Samples.Tests.Platform;

public sealed class ConflatingOutboxTests : IDisposable
{
    private readonly ConflatingOutbox _outbox = new(maxTerminals: 4, maxText: 16);
    private readonly OutboxTopic _a = new("run.a");
    private readonly OutboxTopic _b = new("run.b");

    public void Dispose() => _outbox.Dispose();

    [Fact]
    public void The_latest_state_of_each_topic_waits_and_says_how_many_it_replaced()
    {
        for (var i = 1u; i <= 5; i++)
            _outbox.Offer(_a, State(i));
        _outbox.Offer(_b, State(6));
        Assert.Equal(["run.a state 5 skipped 4", "run.b state 6 skipped 0"], Drain());
    }

    [Fact]
    public void A_state_that_is_not_newer_is_left_out()
    {
        _outbox.Offer(_a, State(5));
        _outbox.Offer(_a, State(4));
        _outbox.Offer(_a, State(5));
        Assert.Equal(["run.a state 5 skipped 0"], Drain());
        _outbox.Offer(_a, State(5)); // sent before: what was read at the subscription comes late
        Assert.Empty(Drain());
    }

    [Fact]
    public void A_final_state_is_never_replaced_not_even_when_its_run_begins_anew()
    {
        _outbox.Offer(_a, State(1));
        _outbox.Offer(_a, State(2, isFinal: true));
        _outbox.Offer(_a, State(3));
        _outbox.Offer(_a, State(4));
        _outbox.Offer(_a, State(5, isFinal: true));
        Assert.Equal(["run.a state 2 skipped 3", "run.a state 5 skipped 0"], Drain());
    }

    [Fact]
    public void Topics_take_turns()
    {
        _outbox.Offer(_a, State(1, isFinal: true));
        _outbox.Offer(_a, State(2, isFinal: true));
        _outbox.Offer(_b, State(3));
        Assert.Equal(["run.a state 1 skipped 0", "run.b state 3 skipped 0", "run.a state 2 skipped 0"], Drain());
    }

    [Fact]
    public void Text_is_put_together_and_comes_before_the_state_it_led_to()
    {
        _outbox.OfferText(_a, "one "u8);
        _outbox.OfferText(_a, "two"u8);
        _outbox.Offer(_a, State(1));
        Assert.Equal(["run.a text one two", "run.a state 1 skipped 0"], Drain());
    }

    [Fact]
    public void Too_much_text_is_thrown_away_and_the_client_is_told()
    {
        for (var i = 0; i < 5; i++)
            _outbox.OfferText(_a, "12345678"u8);
        Assert.Equal(["run.a text lost"], Drain());
        _outbox.OfferText(_a, "again"u8);
        Assert.Equal(["run.a text again"], Drain());
    }

    [Fact]
    public void More_final_states_than_may_wait_are_the_end_of_it_rather_than_a_lie()
    {
        for (var i = 1u; i <= 4; i++)
            _outbox.Offer(_a, State(i, isFinal: true));
        Assert.False(_outbox.IsOverflown);
        _outbox.Offer(_a, State(5, isFinal: true));
        Assert.True(_outbox.IsOverflown);
    }

    [Fact]
    public async Task One_busy_topic_of_a_hundred_pushes_no_other_out()
    {
        using var outbox = new ConflatingOutbox(maxTerminals: 200);
        var topics = Enumerable.Range(0, 100).Select(number => new OutboxTopic($"run.{number}")).ToArray();
        var sent = new Dictionary<string, ulong>();
        var token = TestContext.Current.CancellationToken;
        var offered = Task.Run(() =>
        {
            for (var i = 1u; i <= 20_000; i++)
                outbox.Offer(topics[i % 200 == 0 ? 1 + i / 200 % 99 : 0], State(i));
            foreach (var topic in topics)
                outbox.Offer(topic, State(20_001, isFinal: true));
        }, token);
        while (sent.Count(entry => entry.Value == 20_001) < topics.Length)
        {
            while (outbox.TryTake(out var item))
            {
                Assert.True(sent.GetValueOrDefault(item.Topic) < item.State!.Sequence);
                sent[item.Topic] = item.State.Sequence;
            }

            if (sent.Count(entry => entry.Value == 20_001) < topics.Length)
                await outbox.WaitAsync(token).WaitAsync(TimeSpan.FromSeconds(30), token);
        }

        await offered;
    }

    [Fact]
    public void An_offer_allocates_nothing()
    {
        var frames = Enumerable.Range(1, 10_000).Select(number => State((ulong)number)).ToArray();
        _outbox.Offer(_a, frames[0]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 1; i < frames.Length; i++)
            _outbox.Offer(_a, frames[i]);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static StateFrame State(ulong sequence, bool isFinal = false) => new(sequence, isFinal, default);

    private List<string> Drain()
    {
        var taken = new List<string>();
        while (_outbox.TryTake(out var item))
            taken.Add(item switch
            {
                { State: { } state } => $"{item.Topic} state {state.Sequence} skipped {item.Skipped}",
                { Text: { } text } => $"{item.Topic} text {Encoding.UTF8.GetString(text)}",
                _ => $"{item.Topic} text lost",
            });
        return taken;
    }
}
