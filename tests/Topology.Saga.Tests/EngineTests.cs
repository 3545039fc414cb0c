using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using System.Diagnostics.Metrics;
using Topology.Saga.Internal;
using Topology.TestKit;

namespace Topology.Saga.Tests;

public sealed class EngineTests
{
    private static readonly Scenario _ok = Scenario.All.Single(s => s.Name == "order_all_ok");
    private static readonly Scenario _emailFails = Scenario.All.Single(s => s.Name == "order_email_comp_fails_others_still_run");

    [Fact]
    public async Task Starting_an_id_again_with_the_same_input_changes_nothing_and_with_another_is_a_conflict()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_ok], token);
        var definition = host.Definitions[_ok.Name];
        var id = await host.Client.StartAsync(definition, "one", "input", null, token);
        await host.Client.WaitAsync(id, token);

        Assert.Equal(id, await host.Client.StartAsync(definition, "one", "input", null, token));
        var error = await Assert.ThrowsAsync<SagaConflictException>(() => host.Client.StartAsync(definition, "one", "other", null, token).AsTask());
        Assert.Contains("another input", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SagaConflictException>(() => host.Client.StartAsync(definition, "one", "input", new() { Tenant = "t" }, token).AsTask());
        Assert.Equal(_ok.Expect.Trace, host.Trace(id));
    }

    [Theory]
    [InlineData(LostAnswer.BeforeItIsStored)]
    [InlineData(LostAnswer.AfterItIsStored)]
    public async Task An_append_whose_answer_is_lost_is_resolved_and_nothing_runs_twice(LostAnswer lost)
    {
        var token = TestContext.Current.CancellationToken;
        var journal = new LossyJournal(lost);
        await using var host = await ScenarioHost.StartAsync([_emailFails], token, s => s.Replace(ServiceDescriptor.Singleton<ISagaJournal>(journal)));
        var id = await host.Client.StartAsync(host.Definitions[_emailFails.Name], "one", "input", null, token);

        var saga = await host.Client.WaitAsync(id, token);

        Assert.Equal(_emailFails.Expect.Trace, host.Trace(id));
        Assert.Equal(SagaStatus.CompensationFailed, saga.Status);
        Assert.True(journal.Lost > 5);
    }

    [Fact]
    public async Task A_writer_that_finds_another_owners_entry_after_its_own_is_fenced()
    {
        var token = TestContext.Current.CancellationToken;
        var journal = new LossyJournal(LostAnswer.AfterItIsStored) { ThenAnotherOwner = true };
        var host = await ScenarioHost.StartAsync([_ok], token, s => s.Replace(ServiceDescriptor.Singleton<ISagaJournal>(journal)));
        var id = new SagaId(_ok.Name, "one");
        await host.Client.StartAsync(host.Definitions[_ok.Name], "one", "input", null, token);

        await Until.True(() => journal.Lost > 0 && journal.Reads > 1, cancellationToken: token);
        await host.DisposeAsync();

        // Whatever was under way has ended. The claim was stored, and then somebody else's: not one effect of the fenced owner.
        Assert.Empty(host.Trace(id));
    }

    [Fact]
    public async Task A_letter_that_cannot_be_published_keeps_the_saga_from_resting_and_nothing_is_undone_twice()
    {
        var token = TestContext.Current.CancellationToken;
        var sink = new FailingSink(times: 2);
        await using var host = await ScenarioHost.StartAsync([_emailFails], token, s => s.Replace(ServiceDescriptor.Singleton<ISagaLetterSink>(sink)));
        var id = await host.Client.StartAsync(host.Definitions[_emailFails.Name], "one", "input", null, token);

        var saga = await host.Client.WaitAsync(id, token);

        Assert.Equal(SagaStatus.CompensationFailed, saga.Status);
        Assert.Equal(3, sink.Asked);
        Assert.Equal(_emailFails.Expect.Trace, host.Trace(id));
    }

    [Fact]
    public async Task A_failing_observer_changes_nothing_and_a_good_one_sees_every_entry_in_order()
    {
        var token = TestContext.Current.CancellationToken;
        var seen = new Observer();
        await using var host = await ScenarioHost.StartAsync(
            [_ok], token, s => s.AddSingleton<ISagaObserver>(new Observer { Fails = true }).AddSingleton<ISagaObserver>(seen));
        var id = await host.Client.StartAsync(host.Definitions[_ok.Name], "one", "input", null, token);

        var saga = await host.Client.WaitAsync(id, token);

        Assert.Equal(SagaStatus.Completed, saga.Status);
        Assert.Equal([1, 2, 3, 4, 5], seen.Versions);
    }

    [Fact]
    public async Task A_table_that_does_not_fit_ends_the_start_with_every_fault()
    {
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => ValueTask.FromResult(1)).Delay("d", TimeSpan.FromHours(1))
            .Step("b", static (_, _) => default, new() { RetryProfile = "no_such_profile" })
            .Step("p", static (_, _) => default, new() { Kind = SagaStepKind.Pivot })
            .Step("r", static (_, _) => default, new() { Kind = SagaStepKind.Retriable }).Build();
        (string Step, string Action, string? Backoff)[] rows =
        [
            ("no_such_step", "undo", null), ("a", "undo_text", null), ("b", "no_such_action", "no_such_backoff"), ("d", "undo", null), ("p", "undo", null), ("r", "undo", null),
        ];

        var error = await Assert.ThrowsAsync<SagaDefinitionException>(() => SagaTestHost.StartAsync(new(), definition, configure: services =>
        {
            services.AddSagaCompensation<UndoText>("undo_text");
            services.Configure<SagaCompensationTableOptions>("s", table =>
            {
                foreach (var (step, action, backoff) in rows)
                {
                    table.Steps.Add(new() { StepId = step, CompensationAction = new() { Type = action, Backoff = backoff } });
                }
            });
        }));

        string[] expected =
        [
            "'no_such_step' is no step", "undoes a System.String, but the step's result is System.Int32", "'no_such_action' is not registered",
            "only waits", "'p' is the pivot", "'r' is a step after the pivot", "'no_such_profile'", "'no_such_backoff'",
        ];
        Assert.Equal(expected.Length, error.Faults.Count);
        Assert.All(expected, part => Assert.Contains(error.Faults, fault => fault.Contains(part, StringComparison.Ordinal)));
    }

    private sealed class UndoText : ISagaCompensation<string>
    {
        public ValueTask CompensateAsync(SagaCompensationContext<string> context, CancellationToken cancellationToken) => default;
    }

    [Fact]
    public async Task Compensations_are_counted_under_the_specified_name()
    {
        var token = TestContext.Current.CancellationToken;
        await using var host = await ScenarioHost.StartAsync([_emailFails], token, s => s.AddMetrics());
        using var counter = new MetricCollector<long>(host.Service<IMeterFactory>(), "Topology.Saga", "saga_compensations_total");
        var id = await host.Client.StartAsync(host.Definitions[_emailFails.Name], "one", "input", null, token);
        await host.Client.WaitAsync(id, token);

        var counts = counter.GetMeasurementSnapshot();
        Assert.Equal(2, counts.Count(m => Equals(m.Tags["outcome"], "succeeded")));
        Assert.Equal(1, counts.Count(m => Equals(m.Tags["outcome"], "exhausted")));
    }

    public enum LostAnswer
    {
        BeforeItIsStored,
        AfterItIsStored,
    }

    /// <summary>Loses the answer to the first try of every append.</summary>
    private sealed class LossyJournal(LostAnswer lost) : ISagaJournal
    {
        private readonly InMemorySagaJournal _inner = new(TimeProvider.System);
        private readonly ConcurrentDictionary<Guid, bool> _seen = new();

        public bool ThenAnotherOwner { get; init; }

        public int Lost { get; private set; }

        public int Reads { get; private set; }

        public async ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken)
        {
            if (!_seen.TryAdd(entry.Writer, true))
            {
                return await _inner.AppendAsync(id, expectedVersion, entry, cancellationToken);
            }

            if (lost == LostAnswer.AfterItIsStored)
            {
                var stored = await _inner.AppendAsync(id, expectedVersion, entry, cancellationToken);
                if (ThenAnotherOwner)
                {
                    await _inner.AppendAsync(id, stored.Version, new(Guid.NewGuid(), [new SagaEvent.Claimed("another", true)]), cancellationToken);
                }
            }

            Lost++;
            throw new SagaStoreException("The answer was lost.");
        }

        public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken)
        {
            Reads++;
            return _inner.ReadAsync(id, afterVersion, cancellationToken);
        }

        public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => _inner.GetTimeAsync(cancellationToken);

        public IAsyncEnumerable<SagaListed> ListAsync(string definition, CancellationToken cancellationToken) => _inner.ListAsync(definition, cancellationToken);

        public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
            _inner.CompactAsync(id, expectedVersion, entry, cancellationToken);

        public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken) =>
            _inner.DeleteAsync(id, expectedVersion, cancellationToken);
    }

    private sealed class FailingSink(int times) : ISagaLetterSink
    {
        public int Asked { get; private set; }

        public ValueTask PublishAsync(SagaLetter letter, CancellationToken cancellationToken) =>
            ++Asked <= times ? throw new InvalidOperationException("The queue is full.") : default;

        public ValueTask CloseAsync(string letterId, CancellationToken cancellationToken) => default;
    }

    private sealed class Observer : ISagaObserver
    {
        public bool Fails { get; init; }

        public ConcurrentQueue<long> Versions { get; } = new();

        public ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken)
        {
            Versions.Enqueue(version);
            return Fails ? throw new InvalidOperationException("scripted") : default;
        }
    }
}
