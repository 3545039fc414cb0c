using System.Runtime.CompilerServices;
using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

/// <summary>Providers with one defect each. The conformance suites must reject every one of them.</summary>
public sealed class BrokenProviderTests
{
    private static readonly Dictionary<string, (Func<Journal> Make, Func<SagaJournalConformance, Task> Rule)> _journals = new()
    {
        ["stores at any version"] = (() => new() { BeforeAppend = static (_, inner, id) => LastAsync(inner, id) }, s => s.An_append_at_the_version_known_is_stored_and_one_at_another_is_a_conflict_that_changes_nothing()),
        ["says stored when it was not"] = (() => new() { Result = static result => result with { Stored = true } }, s => s.An_append_at_the_version_known_is_stored_and_one_at_another_is_a_conflict_that_changes_nothing()),
        ["several win"] = (() => new() { Result = static result => result with { Stored = true } }, s => s.Of_many_appends_at_one_version_exactly_one_is_stored()),
        ["reads from the beginning"] = (() => new() { ReadAfter = static _ => 0 }, s => s.An_append_at_the_version_known_is_stored_and_one_at_another_is_a_conflict_that_changes_nothing()),
        ["forgets who wrote"] = (() => new() { Read = static stored => stored with { Entry = stored.Entry with { Writer = Guid.Empty } } }, s => s.What_is_read_is_what_was_appended_with_the_version_and_time_the_append_returned()),
        ["tells its own time"] = (() => new() { Read = static stored => stored with { At = stored.At + TimeSpan.FromHours(1) } }, s => s.What_is_read_is_what_was_appended_with_the_version_and_time_the_append_returned()),
        ["compacts at any version"] = (() => new() { BeforeCompact = static (_, inner, id) => LastAsync(inner, id) }, s => s.Compaction_replaces_everything_at_the_version_known_and_keeps_the_fence()),
        ["compacts nothing"] = (() => new() { CompactsNothing = true }, s => s.Compaction_replaces_everything_at_the_version_known_and_keeps_the_fence()),
        ["deletes at any version"] = (() => new() { BeforeDelete = static (_, inner, id) => LastAsync(inner, id) }, s => s.A_deletion_at_the_version_known_leaves_nothing_and_at_another_everything()),
        ["deletes nothing"] = (() => new() { BeforeDelete = static (_, _, _) => new(long.MaxValue) }, s => s.A_deletion_at_the_version_known_leaves_nothing_and_at_another_everything()),
        ["lists other definitions"] = (() => new() { ListsMore = ".more" }, s => s.Sagas_are_listed_with_their_latest_entry_and_by_their_definition()),
    };

    private static readonly Dictionary<string, (Func<Dispatcher> Make, Func<SagaDispatcherConformance, Task> Rule)> _dispatchers = new()
    {
        ["starts twice"] = (() => new() { StartsTwice = true }, s => s.A_start_is_handed_out_once_with_what_it_was_and_a_second_one_is_told()),
        ["says every start is the first"] = (() => new() { StartsTwice = true }, s => s.Of_many_starts_of_one_saga_exactly_one_is_the_first()),
        ["forgets a start that was handed out"] = (() => new() { ForgetsHandedOut = true }, s => s.A_start_is_handed_out_once_with_what_it_was_and_a_second_one_is_told()),
        ["names every item alike"] = (() => new() { ItemId = static _ => "item" }, s => s.Every_wake_up_is_an_item_of_its_own()),
        ["names an item anew"] = (() => new() { ItemId = static _ => Guid.NewGuid().ToString() }, s => s.An_item_that_was_put_back_is_handed_out_again_as_the_same_item_and_not_too_early()),
        ["ignores delays"] = (() => new() { Delay = static _ => TimeSpan.Zero }, s => s.An_item_that_was_put_back_is_handed_out_again_as_the_same_item_and_not_too_early()),
        ["fires timers at once"] = (() => new() { Delay = static _ => TimeSpan.Zero }, s => s.Timers_are_handed_out_for_their_steps_each_not_before_its_time()),
        ["forgets nothing"] = (() => new() { ForgetsNothing = true }, s => s.What_is_forgotten_can_be_started_as_if_never_before_and_nothing_else_is_forgotten()),
        ["never beats"] = (() => new() { NeverBeats = true }, s => s.An_idle_worker_beats_and_a_cancelled_one_ends()),
    };

    private static readonly Dictionary<string, (Func<Inbox> Make, Func<SagaInboxConformance, Task> Rule)> _inboxes = new()
    {
        ["reads from the beginning"] = (() => new() { ReadAfter = static _ => 0 }, s => s.Messages_come_in_their_order_with_growing_sequences_and_to_their_saga_only()),
        ["reads backwards"] = (() => new() { Read = static entries => [.. entries.Reverse()] }, s => s.Messages_come_in_their_order_with_growing_sequences_and_to_their_saga_only()),
        ["loses new inputs"] = (() => new() { Read = static entries => [.. entries.Select(entry => entry.Message is SagaMessage.Decision d ? entry with { Message = d with { NewInput = null } } : entry)] }, s => s.Every_kind_of_message_comes_back_as_it_was()),
        ["always lags"] = (() => new() { Read = static entries => [.. entries.SkipLast(1)] }, s => s.A_read_that_must_not_lag_sees_every_post_that_has_returned()),
        ["tells nobody"] = (() => new() { Listens = static (_, _) => false }, s => s.Whoever_listens_is_told_of_a_message_whether_it_came_before_or_after()),
        ["tells only of what comes later"] = (() => new() { Listens = static (after, last) => after >= last }, s => s.Whoever_listens_is_told_of_a_message_whether_it_came_before_or_after()),
        ["tells whoever has gone"] = (() => new() { TellsWhoeverHasGone = true }, s => s.Whoever_has_ended_his_listening_is_told_of_nothing_that_comes_later()),
        ["forgets nothing"] = (() => new() { ForgetsNothing = true }, s => s.What_is_forgotten_is_gone_and_nothing_else_is()),
    };

    public static TheoryData<string> Journals => [.. _journals.Keys];

    public static TheoryData<string> Dispatchers => [.. _dispatchers.Keys];

    public static TheoryData<string> Inboxes => [.. _inboxes.Keys];

    [Theory]
    [MemberData(nameof(Journals))]
    public Task A_journal_is_rejected_that(string defect) => Assert.ThrowsAnyAsync<Exception>(() => _journals[defect].Rule(new JournalSuite(_journals[defect].Make())));

    [Theory]
    [MemberData(nameof(Dispatchers))]
    public Task A_dispatcher_is_rejected_that(string defect) =>
        Assert.ThrowsAnyAsync<Exception>(() => _dispatchers[defect].Rule(new DispatcherSuite(_dispatchers[defect].Make())).WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken));

    [Theory]
    [MemberData(nameof(Inboxes))]
    public Task An_inbox_is_rejected_that(string defect) =>
        Assert.ThrowsAnyAsync<Exception>(() => _inboxes[defect].Rule(new InboxSuite(_inboxes[defect].Make())).WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken));

    private static async ValueTask<long> LastAsync(ISagaJournal journal, SagaId id) =>
        await journal.ReadAsync(id, 0, CancellationToken.None) is [.., var last] ? last.Version : 0;

    private sealed class JournalSuite(ISagaJournal journal) : SagaJournalConformance
    {
        protected override ValueTask<ISagaJournal> CreateAsync() => new(journal);
    }

    private sealed class DispatcherSuite(ISagaDispatcher dispatcher) : SagaDispatcherConformance
    {
        protected override ValueTask<ISagaDispatcher> CreateAsync() => new(dispatcher);
    }

    private sealed class InboxSuite(ISagaInbox inbox) : SagaInboxConformance
    {
        protected override ValueTask<ISagaInbox> CreateAsync() => new(inbox);
    }

    private sealed class Journal : ISagaJournal
    {
        private readonly InMemorySagaJournal _inner = new(TimeProvider.System);

        public Func<long, ISagaJournal, SagaId, ValueTask<long>> BeforeAppend { get; init; } = static (version, _, _) => new(version);

        public Func<long, ISagaJournal, SagaId, ValueTask<long>> BeforeCompact { get; init; } = static (version, _, _) => new(version);

        public Func<long, ISagaJournal, SagaId, ValueTask<long>> BeforeDelete { get; init; } = static (version, _, _) => new(version);

        public Func<SagaAppendResult, SagaAppendResult> Result { get; init; } = static result => result;

        public Func<long, long> ReadAfter { get; init; } = static after => after;

        public Func<SagaStoredEntry, SagaStoredEntry> Read { get; init; } = static stored => stored;

        public bool CompactsNothing { get; init; }

        public string? ListsMore { get; init; }

        public async ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
            Result(await _inner.AppendAsync(id, await BeforeAppend(expectedVersion, _inner, id), entry, cancellationToken));

        public async ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken) =>
            [.. (await _inner.ReadAsync(id, ReadAfter(afterVersion), cancellationToken)).Select(Read)];

        public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => _inner.GetTimeAsync(cancellationToken);

        public async ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
        {
            var version = await BeforeCompact(expectedVersion, _inner, id);
            return await (CompactsNothing ? _inner.AppendAsync(id, version, entry, cancellationToken) : _inner.CompactAsync(id, version, entry, cancellationToken));
        }

        public async ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken) =>
            await _inner.DeleteAsync(id, await BeforeDelete(expectedVersion, _inner, id), cancellationToken);

        public async IAsyncEnumerable<SagaListed> ListAsync(string definition, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            foreach (var name in new[] { definition, ListsMore is null ? null : definition + ListsMore }.OfType<string>())
            {
                await foreach (var saga in _inner.ListAsync(name, cancellationToken))
                {
                    yield return saga;
                }
            }
        }
    }

    private sealed class Dispatcher : ISagaDispatcher
    {
        private readonly InMemorySagaDispatcher _inner = new(TimeProvider.System);

        public bool StartsTwice { get; init; }

        public bool ForgetsHandedOut { get; init; }

        public bool ForgetsNothing { get; init; }

        public bool NeverBeats { get; init; }

        public Func<string, string> ItemId { get; init; } = static id => id;

        public Func<TimeSpan, TimeSpan> Delay { get; init; } = static delay => delay;

        public async ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken) => await _inner.TryStartAsync(start, cancellationToken) || StartsTwice;

        public ValueTask WakeAsync(SagaId id, CancellationToken cancellationToken) => _inner.WakeAsync(id, cancellationToken);

        public ValueTask SetTimerAsync(SagaId id, string stepId, TimeSpan delay, CancellationToken cancellationToken) =>
            _inner.SetTimerAsync(id, stepId, Delay(delay), cancellationToken);

        public ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken) => _inner.FindStartAsync(id, cancellationToken);

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => ForgetsNothing ? default : _inner.ForgetAsync(id, cancellationToken);

        public async IAsyncEnumerable<ISagaLease> LeaseAsync(
            IReadOnlySet<string> definitions, Func<int> free, Action beat, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var lease in _inner.LeaseAsync(definitions, free, NeverBeats ? () => { } : beat, cancellationToken))
            {
                if (ForgetsHandedOut)
                {
                    await _inner.ForgetAsync(lease.SagaId, cancellationToken);
                }

                yield return new Lease(lease, ItemId(lease.ItemId), Delay);
            }
        }

        private sealed class Lease(ISagaLease inner, string itemId, Func<TimeSpan, TimeSpan> delays) : ISagaLease
        {
            public SagaId SagaId => inner.SagaId;

            public string ItemId => itemId;

            public string? TimerOf => inner.TimerOf;

            public DateTimeOffset EnqueuedAt => inner.EnqueuedAt;

            public ValueTask CompleteAsync(CancellationToken cancellationToken) => inner.CompleteAsync(cancellationToken);

            public ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken) => inner.AbandonAsync(delays(delay), cancellationToken);

            public void Dispose() => inner.Dispose();
        }
    }

    private sealed class Inbox : ISagaInbox
    {
        private readonly InMemorySagaInbox _inner = new();
        private long _last;
        private Action? _told;

        public Func<long, long> ReadAfter { get; init; } = static after => after;

        public Func<IReadOnlyList<SagaInboxEntry>, IReadOnlyList<SagaInboxEntry>> Read { get; init; } = static entries => entries;

        public Func<long, long, bool> Listens { get; init; } = static (_, _) => true;

        public bool TellsWhoeverHasGone { get; init; }

        public bool ForgetsNothing { get; init; }

        public async ValueTask<long> PostAsync(SagaId id, SagaMessage message, CancellationToken cancellationToken)
        {
            _last = await _inner.PostAsync(id, message, cancellationToken);
            _told?.Invoke();
            return _last;
        }

        public async ValueTask<IReadOnlyList<SagaInboxEntry>> ReadAsync(SagaId id, long afterSequence, bool mayLag, CancellationToken cancellationToken) =>
            Read(await _inner.ReadAsync(id, ReadAfter(afterSequence), mayLag, cancellationToken));

        public IDisposable Listen(SagaId id, long afterSequence, Action heard)
        {
            _told += TellsWhoeverHasGone ? heard : null;
            return _inner.Listen(id, afterSequence, Listens(afterSequence, _last) ? heard : static () => { });
        }

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => ForgetsNothing ? default : _inner.ForgetAsync(id, cancellationToken);
    }
}
