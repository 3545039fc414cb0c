using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;
using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

/// <summary>Appends whose answers are lost while others write.</summary>
public sealed class WriterTests
{
    private static readonly Scenario[] _named = [.. Scenario.All.Take(18)];

    public enum Fate
    {
        Answered,
        LostBeforeItIsStored,
        LostAfterItIsStored,
        AnotherWritesFirst,
        LostAndAnotherWrites,
        LostAfterItIsStoredAndAnotherWrites,
    }

    /// <summary>I13: of what is told to its writer, everything is so.</summary>
    [Property(MaxTest = 1_000)]
    public Property A_writer_is_told_that_its_entry_is_stored_exactly_when_it_is_and_that_it_is_fenced_when_another_wrote_since() => Prop.ForAll(
        Gen.ListOf(Gen.Elements(Enum.GetValues<Fate>())).ToArbitrary(), fates =>
        {
            var id = new SagaId("s", "1");
            var inner = new InMemorySagaJournal(TimeProvider.System);
            var journal = new FatefulJournal(inner);
            var writer = new SagaWriter(journal, [], new Hasty(), NullLogger<SagaWriter>.Instance);
            var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();
            var state = new SagaState(id, definition);
            foreach (var fate in fates)
            {
                journal.Next = fate;
                var claim = new SagaEvent.Claimed(Guid.NewGuid().ToString(), false);
                bool? told = null;
                try
                {
                    told = writer.TryAppendAsync(state, [claim], CancellationToken.None).AsTask().GetAwaiter().GetResult();
                }
                catch (SagaFencedException)
                {
                }

                var entries = inner.ReadAsync(id, 0, CancellationToken.None).AsTask().GetAwaiter().GetResult();
                var place = entries.ToList().FindIndex(stored => stored.Entry.Events.Contains(claim));
                Assert.True(told == true ? place == entries.Count - 1 : told == false ? place < 0 : place >= 0 && place < entries.Count - 1, $"{fate}: told {told}, at {place} of {entries.Count}");
                Assert.True(told != true || state.Version == entries[^1].Version);
                if (told != true)
                {
                    return;
                }
            }
        });

    /// <summary>A process numbers its appends, so that the tenth of one may meet the tenth of another.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_owners_never_take_each_others_entry_for_their_own_in_one_process_or_in_two(bool inOneProcess)
    {
        var journal = new InMemorySagaJournal(TimeProvider.System);
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Build();
        var first = new SagaWriter(journal, [], TimeProvider.System, NullLogger<SagaWriter>.Instance);
        var second = inOneProcess ? first : new SagaWriter(journal, [], TimeProvider.System, NullLogger<SagaWriter>.Instance);
        SagaEvent[] claim = [new SagaEvent.Claimed("item", true)];
        Assert.True(await first.TryAppendAsync(new(new("s", "1"), definition), claim, CancellationToken.None));
        Assert.False(await second.TryAppendAsync(new(new("s", "1"), definition), claim, CancellationToken.None));
    }

    [Theory]
    [InlineData(Fate.LostAndAnotherWrites)]
    [InlineData(Fate.LostAfterItIsStoredAndAnotherWrites)]
    public async Task An_ambiguous_append_followed_by_another_owners_claim_starts_no_further_effect(Fate fate)
    {
        var runs = 0;
        await Parallel.ForEachAsync(_named, new ParallelOptions { MaxDegreeOfParallelism = 18 }, async (scenario, _) =>
        {
            using var calm = new CrashWorld([scenario]);
            await calm.RunAsync(scenario, "calm", null);
            var appends = calm.Appends;
            for (var n = 1; n <= appends; n++)
            {
                using var world = new CrashWorld([scenario]);
                var (effects, number) = (-1, n);
                world.Lose(n, fate == Fate.LostAfterItIsStoredAndAnotherWrites, () => effects = world.Effects);
                var fenced = await Record.ExceptionAsync(() => world.RunAsync(scenario, "1", null));

                // A claim that was not stored is no claim: then there is nothing to be fenced from.
                Assert.True(fenced is SagaFencedException || (fenced is null && n == 1 && fate == Fate.LostAndAnotherWrites), $"{scenario.Name}, append {number}: {fenced}");
                Assert.True(effects >= 0 && effects == world.Effects, $"{scenario.Name}, append {number}: {world.Effects - effects} effects after another's claim");
                Interlocked.Increment(ref runs);
            }
        });

        Assert.True(runs > 100, $"only {runs} runs");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_append_may_lose_its_first_answer_and_every_scenario_ends_the_same(bool stored)
    {
        await Parallel.ForEachAsync(Scenario.All, new ParallelOptions { MaxDegreeOfParallelism = 168 }, async (scenario, _) =>
        {
            using var world = new CrashWorld([scenario]) { LosesFirstAnswers = stored ? CrashPoint.AfterAppend : CrashPoint.BeforeAppend };
            var (saga, owners) = await world.RunAsync(scenario, "1", null);
            Assert.Equal(1, owners);
            Assert.True(scenario.Expect.Status == saga.Status.ToString(), $"{scenario.Name}: {saga.Status}");
            Assert.Equal(scenario.Expect.Trace, world.Trace);
            Assert.Equal(scenario.Expect.Dlq.Order(), world.Letters.Select(letter => letter.Failure.StepId).Order());
        });
    }

    /// <summary>Its delays are over at once.</summary>
    private sealed class Hasty : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }

    private sealed class FatefulJournal(InMemorySagaJournal inner) : ISagaJournal
    {
        public Fate Next { get; set; }

        public async ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
        {
            var fate = Next;
            Next = Fate.Answered;
            if (fate is Fate.AnotherWritesFirst)
            {
                await OtherAsync(id, expectedVersion, cancellationToken);
            }

            SagaAppendResult? result = fate is Fate.LostBeforeItIsStored or Fate.LostAndAnotherWrites ? null : await inner.AppendAsync(id, expectedVersion, entry, cancellationToken);
            if (fate is Fate.LostAndAnotherWrites or Fate.LostAfterItIsStoredAndAnotherWrites)
            {
                await OtherAsync(id, result?.Version ?? expectedVersion, cancellationToken);
            }

            return fate is Fate.Answered or Fate.AnotherWritesFirst ? result!.Value : throw new SagaStoreException("The answer was lost.");
        }

        public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken) =>
            inner.ReadAsync(id, afterVersion, cancellationToken);

        public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => inner.GetTimeAsync(cancellationToken);

        public IAsyncEnumerable<SagaListed> ListAsync(string definition, CancellationToken cancellationToken) => inner.ListAsync(definition, cancellationToken);

        public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
            inner.CompactAsync(id, expectedVersion, entry, cancellationToken);

        public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken) => inner.DeleteAsync(id, expectedVersion, cancellationToken);

        private async Task OtherAsync(SagaId id, long version, CancellationToken cancellationToken) =>
            await inner.AppendAsync(id, version, new(Guid.NewGuid(), [new SagaEvent.Claimed("another", true)]), cancellationToken);
    }
}
