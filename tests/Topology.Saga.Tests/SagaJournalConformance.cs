namespace Topology.Saga.Tests;

/// <summary>What every journal must do. A provider's tests derive from it.</summary>
public abstract class SagaJournalConformance
{
    private const string Definition = "conformance";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_append_at_the_version_known_is_stored_and_one_at_another_is_a_conflict_that_changes_nothing()
    {
        var (journal, id) = (await CreateAsync(), NewId());
        var first = await journal.AppendAsync(id, 0, Entry("a"), Token);
        Assert.True(first.Stored && first.Version > 0);

        Assert.False((await journal.AppendAsync(id, 0, Entry("b"), Token)).Stored);
        Assert.False((await journal.AppendAsync(id, first.Version + 1, Entry("b"), Token)).Stored);
        var second = await journal.AppendAsync(id, first.Version, Entry("c"), Token);

        Assert.True(second.Version > first.Version);
        Assert.Equal(["a", "c"], (await journal.ReadAsync(id, 0, Token)).Select(Text));
        Assert.Equal(["c"], (await journal.ReadAsync(id, first.Version, Token)).Select(Text));
        Assert.Empty(await journal.ReadAsync(id, second.Version, Token));
        Assert.Empty(await journal.ReadAsync(NewId(), 0, Token));
    }

    [Fact]
    public async Task What_is_read_is_what_was_appended_with_the_version_and_time_the_append_returned()
    {
        var (journal, id) = (await CreateAsync(), NewId());
        var before = await journal.GetTimeAsync(Token);
        var entry = Entry("a");
        var result = await journal.AppendAsync(id, 0, entry, Token);

        var stored = Assert.Single(await journal.ReadAsync(id, 0, Token));
        Assert.Equal((result.Version, entry.Writer), (stored.Version, stored.Entry.Writer));
        Assert.InRange((stored.At - result.At).Duration(), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.True(stored.At >= before - TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Of_many_appends_at_one_version_exactly_one_is_stored()
    {
        var (journal, id) = (await CreateAsync(), NewId());
        long version = 0;
        for (var round = 0; round < 20; round++)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(n => Task.Run(() => journal.AppendAsync(id, version, Entry($"{round}-{n}"), Token).AsTask(), Token)));
            version = Assert.Single(results, result => result.Stored).Version;
        }

        var stored = await journal.ReadAsync(id, 0, Token);
        Assert.Equal(20, stored.Count);
        Assert.Equal(Enumerable.Range(0, 20).Select(n => $"{n}"), stored.Select(entry => Text(entry).Split('-')[0]));
        Assert.True(stored.Zip(stored.Skip(1)).All(pair => pair.First.Version < pair.Second.Version));
    }

    [Fact]
    public async Task Compaction_replaces_everything_at_the_version_known_and_keeps_the_fence()
    {
        var (journal, id) = (await CreateAsync(), NewId());
        var first = await journal.AppendAsync(id, 0, Entry("a"), Token);
        var second = await journal.AppendAsync(id, first.Version, Entry("b"), Token);

        Assert.False((await journal.CompactAsync(id, first.Version, Entry("late"), Token)).Stored);
        var compacted = await journal.CompactAsync(id, second.Version, Entry("rest"), Token);

        Assert.True(compacted.Stored && compacted.Version > second.Version);
        Assert.Equal(["rest"], (await journal.ReadAsync(id, 0, Token)).Select(Text));
        Assert.Equal([compacted.Version], (await journal.ReadAsync(id, 0, Token)).Select(stored => stored.Version));
        Assert.Equal(["rest"], (await journal.ReadAsync(id, first.Version, Token)).Select(Text));
        Assert.False((await journal.AppendAsync(id, 0, Entry("anew"), Token)).Stored);
        Assert.False((await journal.AppendAsync(id, second.Version, Entry("late"), Token)).Stored);
        Assert.True((await journal.AppendAsync(id, compacted.Version, Entry("next"), Token)).Stored);
    }

    [Fact]
    public async Task A_deletion_at_the_version_known_leaves_nothing_and_at_another_everything()
    {
        var (journal, id, other) = (await CreateAsync(), NewId(), NewId());
        var result = await journal.AppendAsync(id, 0, Entry("a"), Token);
        await journal.AppendAsync(other, 0, Entry("b"), Token);

        await journal.DeleteAsync(id, result.Version + 1, Token);
        Assert.Single(await journal.ReadAsync(id, 0, Token));
        await journal.DeleteAsync(id, result.Version, Token);

        Assert.Empty(await journal.ReadAsync(id, 0, Token));
        Assert.Single(await journal.ReadAsync(other, 0, Token));
        Assert.True((await journal.AppendAsync(id, 0, Entry("anew"), Token)).Stored);
    }

    [Fact]
    public async Task Sagas_are_listed_with_their_latest_entry_and_by_their_definition()
    {
        var journal = await CreateAsync();
        var definition = $"list-{Guid.NewGuid():n}";
        var ids = Enumerable.Range(0, 5).Select(n => new SagaId(definition, $"{n} /.*>ä")).ToList();
        foreach (var id in ids)
        {
            var first = await journal.AppendAsync(id, 0, Entry("first"), Token);
            await journal.AppendAsync(id, first.Version, Entry(id.Value), Token);
        }

        await journal.AppendAsync(new($"{definition}.more", "1"), 0, Entry("other"), Token);
        var gone = (await journal.ReadAsync(ids[4], 0, Token))[^1].Version;
        await journal.DeleteAsync(ids[4], gone, Token);

        var listed = new List<SagaListed>();
        await foreach (var saga in journal.ListAsync(definition, Token))
        {
            listed.Add(saga);
        }

        Assert.Equal(ids.Take(4).Select(id => id.Value), listed.Select(saga => saga.Id.Value).Order(StringComparer.Ordinal));
        Assert.All(listed, saga => Assert.Equal(saga.Id.Value, Text(saga.Last)));
    }

    [Fact]
    public async Task What_was_said_comes_back_with_the_trace_of_whoever_said_it()
    {
        var (journal, id) = (await CreateAsync(), NewId());
        SagaEvent.MessageTaken[] taken =
        [
            new(new SagaMessage.Cancellation(true, "client", "changed their mind") { TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }, 1),
            new(new SagaMessage.Decision(SagaVerb.Retry, "pay", "operator", "again"), 2),
        ];
        await journal.AppendAsync(id, 0, new SagaEntry(Guid.NewGuid(), taken), Token);
        Assert.Equal<SagaEvent>(taken, Assert.Single(await journal.ReadAsync(id, 0, Token)).Entry.Events);
    }

    /// <summary>Makes a journal, or returns one that others use too: ids are not used twice.</summary>
    protected abstract ValueTask<ISagaJournal> CreateAsync();

    private static SagaId NewId() => new(Definition, $"{Guid.NewGuid():n}");

    private static SagaEntry Entry(string text) => new(Guid.NewGuid(), [new SagaEvent.Waiting(text)]);

    private static string Text(SagaStoredEntry stored) => ((SagaEvent.Waiting)Assert.Single(stored.Entry.Events)).StepId;
}
