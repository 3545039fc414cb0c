using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Topology.Idempotency.Internal;
using Topology.TestKit;

namespace Topology.Idempotency.Tests;

public sealed record Receipt(string Id, int Amount);

[JsonSerializable(typeof(Receipt))]
[JsonSerializable(typeof(string))]
internal sealed partial class TestJson : JsonSerializerContext;

public sealed class IdempotentExecutorTests : IAsyncDisposable
{
    private static readonly IdempotencyPolicy Quarantine = new() { OnAbandoned = AbandonedClaim.Quarantine };
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly ServiceProvider _services;
    private readonly FailingStore _store;
    private readonly IIdempotentExecutor _executor;
    private readonly FakeLogCollector _logs;
    private readonly IdempotencyRecordKey _key = IdempotencyRecordKey.Internal("acme", "alice", "pay", "1");

    public IdempotentExecutorTests()
    {
        var services = new ServiceCollection();
        services.AddSingleton<TimeProvider>(_time).AddMetrics().AddFakeLogging();
        services.AddTopologyIdempotency();
        services.AddSingleton(provider => new FailingStore(ActivatorUtilities.CreateInstance<InMemoryIdempotencyStore>(provider)));
        services.AddSingleton<IIdempotencyStore>(provider => provider.GetRequiredService<FailingStore>());
        services.AddOptions<InMemoryIdempotencyStoreOptions>();
        _services = services.BuildServiceProvider();
        _store = _services.GetRequiredService<FailingStore>();
        _executor = _services.GetRequiredService<IIdempotentExecutor>();
        _logs = _services.GetFakeLogCollector();
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private ValueTask<IdempotentOutcome<Receipt>> PayAsync(
        Func<IdempotencyContext, CancellationToken, ValueTask<Receipt>> work, IdempotencyPolicy? policy = null) =>
        _executor.ExecuteAsync(_key, RequestFingerprint.None, work, TestJson.Default.Receipt, policy, TestContext.Current.CancellationToken);

    private static ValueTask<Receipt> Must_not_run(IdempotencyContext context, CancellationToken token) => throw new InvalidOperationException("ran twice");

    [Fact]
    public async Task The_second_call_gets_the_result_of_the_first_and_counts_as_a_hit()
    {
        using var hits = new MetricCollector<long>(
            _services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "Topology.Idempotency", "idempotency_hits_total");

        var first = await PayAsync((_, _) => new(new Receipt("r1", 5)));
        var second = await PayAsync(Must_not_run);

        Assert.Equal((IdempotentStatus.Executed, new Receipt("r1", 5), true), (first.Status, first.Value, first.IsSettled));
        Assert.Equal((IdempotentStatus.Replayed, new Receipt("r1", 5)), (second.Status, second.Value));
        Assert.Equal(1, hits.GetMeasurementSnapshot().Sum(m => m.Value));
    }

    [Fact]
    public async Task Another_request_under_the_key_is_a_mismatch_unless_the_check_is_off()
    {
        await _executor.ExecuteAsync(
            _key, RequestFingerprint.Compute("a"u8), (_, _) => new(new Receipt("r", 1)), TestJson.Default.Receipt, cancellationToken: TestContext.Current.CancellationToken);

        var other = await _executor.ExecuteAsync(
            _key, RequestFingerprint.Compute("b"u8), Must_not_run, TestJson.Default.Receipt, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(IdempotentStatus.Mismatch, other.Status);
        Assert.Null(other.Value);
    }

    [Fact]
    public async Task While_the_work_runs_others_are_told_and_the_lease_is_renewed()
    {
        var gate = new TaskCompletionSource();
        var running = PayAsync(async (context, token) =>
        {
            await gate.Task.WaitAsync(token);
            return new Receipt("r", 1);
        }).AsTask();

        for (var i = 0; i < 12; i++)
        {
            var other = await PayAsync(Must_not_run);
            Assert.Equal(IdempotentStatus.InProgress, other.Status);
            Assert.InRange(other.RetryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        gate.SetResult();
        Assert.Equal(IdempotentStatus.Executed, (await running).Status);
    }

    [Fact]
    public async Task A_waiting_caller_gets_the_result_as_soon_as_it_is_there()
    {
        var gate = new TaskCompletionSource<Receipt>();
        var running = PayAsync((_, _) => new(gate.Task)).AsTask();
        var waiting = PayAsync(Must_not_run, new IdempotencyPolicy { WaitForResult = TimeSpan.FromMinutes(1) }).AsTask();

        Assert.False(waiting.IsCompleted);
        gate.SetResult(new Receipt("r", 1));

        Assert.Equal(IdempotentStatus.Replayed, (await waiting.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken)).Status);
        await running;
    }

    [Fact]
    public async Task A_waiting_caller_runs_the_work_when_the_first_gives_it_back()
    {
        var gate = new TaskCompletionSource<Receipt>();
        var running = PayAsync((_, _) => new(gate.Task)).AsTask();
        var waiting = PayAsync((_, _) => new(new Receipt("second", 2)), new IdempotencyPolicy { WaitForResult = TimeSpan.FromMinutes(1) }).AsTask();

        gate.SetException(new TimeoutException());

        await Assert.ThrowsAsync<TimeoutException>(() => running);
        Assert.Equal("second", (await waiting.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken)).Value!.Id);
    }

    [Fact]
    public async Task An_exception_reaches_the_caller_and_releases_the_key()
    {
        await Assert.ThrowsAsync<TimeoutException>(async () => await PayAsync((_, _) => throw new TimeoutException()));

        Assert.Equal(IdempotentStatus.Executed, (await PayAsync((_, _) => new(new Receipt("r", 1)))).Status);
    }

    [Fact]
    public async Task Under_quarantine_an_exception_leaves_the_outcome_unknown_and_nothing_runs_again()
    {
        await Assert.ThrowsAsync<TimeoutException>(async () => await PayAsync((_, _) => throw new TimeoutException(), Quarantine));

        Assert.Equal(IdempotentStatus.Indeterminate, (await PayAsync(Must_not_run, Quarantine)).Status);
        Assert.Equal(IdempotentStatus.Indeterminate, (await PayAsync(Must_not_run)).Status);
    }

    [Fact]
    public async Task Under_quarantine_work_that_knows_nothing_happened_says_so()
    {
        await Assert.ThrowsAsync<TimeoutException>(async () => await PayAsync(
            (context, _) =>
            {
                context.Disposition = ResultDisposition.Release;
                throw new TimeoutException();
            },
            Quarantine));

        Assert.Equal(IdempotentStatus.Executed, (await PayAsync((_, _) => new(new Receipt("r", 1)), Quarantine)).Status);
    }

    [Fact]
    public async Task The_reconciler_settles_an_unknown_outcome_for_the_caller_that_meets_it()
    {
        await Assert.ThrowsAsync<TimeoutException>(async () => await PayAsync((_, _) => throw new TimeoutException(), Quarantine));
        var stillUnknown = Quarantine with { Reconcile = (_, _) => new(Resolution.Unknown) };
        var happened = Quarantine with { Reconcile = (_, _) => new(Resolution.Done(new StoredResult { Body = """{"Id":"found","Amount":7}"""u8.ToArray() })) };

        Assert.Equal(IdempotentStatus.Indeterminate, (await PayAsync(Must_not_run, stillUnknown)).Status);
        Assert.Equal(new Receipt("found", 7), (await PayAsync(Must_not_run, happened)).Value);
    }

    [Fact]
    public async Task The_reconciler_that_finds_nothing_done_lets_the_caller_run_the_work()
    {
        await Assert.ThrowsAsync<TimeoutException>(async () => await PayAsync((_, _) => throw new TimeoutException(), Quarantine));

        var outcome = await PayAsync((_, _) => new(new Receipt("r", 1)), Quarantine with { Reconcile = (_, _) => new(Resolution.NotDone) });

        Assert.Equal(IdempotentStatus.Executed, outcome.Status);
    }

    [Fact]
    public async Task An_operator_settles_an_unknown_outcome_by_its_fence()
    {
        await Assert.ThrowsAsync<TimeoutException>(async () => await PayAsync((_, _) => throw new TimeoutException(), Quarantine));
        var record = await _store.PeekAsync(_key, TimeSpan.Zero, TestContext.Current.CancellationToken);
        var found = Resolution.Done(new StoredResult { Body = """{"Id":"found","Amount":7}"""u8.ToArray() });

        Assert.Equal(FinishStatus.Fenced, await _executor.ResolveAsync(_key, record!.Fence + 1, found, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(FinishStatus.Done, await _executor.ResolveAsync(_key, record.Fence, found, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("found", (await PayAsync(Must_not_run, Quarantine)).Value!.Id);
    }

    [Fact]
    public async Task A_cancelled_caller_leaves_the_lease_to_run_out()
    {
        using var cancelled = new CancellationTokenSource();
        var running = _executor.ExecuteAsync(
            _key,
            RequestFingerprint.None,
            async (_, token) =>
            {
                await Task.Delay(Timeout.Infinite, token);
                return new Receipt("never", 0);
            },
            TestJson.Default.Receipt,
            cancellationToken: cancelled.Token).AsTask();

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Equal(IdempotentStatus.InProgress, (await PayAsync(Must_not_run)).Status);
        _time.Advance(TimeSpan.FromSeconds(31));
        var tookOver = await PayAsync((context, _) => new(new Receipt(context.TookOver ? "took over" : "new", 1)));
        Assert.Equal("took over", tookOver.Value!.Id);
    }

    [Fact]
    public async Task Each_owner_sees_a_greater_fence()
    {
        var fences = new List<long>();
        for (var i = 0; i < 3; i++)
        {
            await PayAsync((context, _) =>
            {
                fences.Add(context.Fence);
                context.Disposition = ResultDisposition.Release;
                return new(new Receipt("r", 1));
            });
        }

        Assert.Equal(fences.Order().Distinct(), fences);
        Assert.Equal(3, fences.Count);
    }

    [Fact]
    public async Task Work_is_told_when_its_lease_cannot_be_renewed_in_time()
    {
        CancellationToken lost = default;
        var started = new TaskCompletionSource();
        var running = PayAsync(async (context, token) =>
        {
            lost = context.LeaseLost;
            started.SetResult();
            await Task.Delay(Timeout.Infinite, token);
            return new Receipt("never", 0);
        }).AsTask();
        await started.Task;
        _store.IsDown = true;

        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.False(lost.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(11));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.True(lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_result_that_comes_after_a_take_over_is_refused()
    {
        var stale = new TaskCompletionSource<Receipt>();
        var running = PayAsync((_, _) => new(stale.Task)).AsTask();
        _store.IsDown = true;
        _time.Advance(TimeSpan.FromSeconds(31));
        _store.IsDown = false;

        Assert.Equal(IdempotentStatus.Executed, (await PayAsync((_, _) => new(new Receipt("owner", 1)))).Status);
        stale.SetResult(new Receipt("stale", 2));

        Assert.Equal(IdempotentStatus.LeaseLost, (await running).Status);
        Assert.Equal("owner", (await PayAsync(Must_not_run)).Value!.Id);
    }

    [Fact]
    public async Task A_store_that_is_down_stops_the_work_unless_the_policy_lets_it_run()
    {
        _store.IsDown = true;

        await Assert.ThrowsAsync<IdempotencyStoreException>(async () => await PayAsync(Must_not_run));
        var open = await PayAsync((context, _) => new(new Receipt("r", (int)context.Fence)), new IdempotencyPolicy { RunWhenStoreIsDown = true });

        Assert.Equal((IdempotentStatus.Executed, 0), (open.Status, open.Value!.Amount));
        Assert.False(open.IsSettled);
    }

    [Fact]
    public async Task A_result_that_cannot_be_stored_still_reaches_its_caller()
    {
        var running = PayAsync((_, _) =>
        {
            _store.IsDown = true;
            return new(new Receipt("r", 1));
        }).AsTask();
        await Until.True(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(500));
            return running.IsCompleted;
        }, cancellationToken: TestContext.Current.CancellationToken);
        var outcome = await running;

        Assert.Equal((IdempotentStatus.Executed, "r", false), (outcome.Status, outcome.Value!.Id, outcome.IsSettled));
    }

    [Fact]
    public async Task A_result_whose_store_took_long_to_fail_is_sent_once_more()
    {
        _store.BeforeComplete = _ =>
        {
            _store.BeforeComplete = null;
            _time.Advance(TimeSpan.FromSeconds(9));
            throw new IdempotencyStoreException("No answer in 9 seconds.");
        };

        Assert.True((await PayAsync((_, _) => new(new Receipt("r", 1)))).IsSettled);
        Assert.Equal(IdempotentStatus.Replayed, (await PayAsync(Must_not_run)).Status);
    }

    [Fact]
    public async Task What_a_store_that_failed_may_still_be_writing_is_given_to_nobody_else()
    {
        // As with a command that timed out and stays in the queue of its connection.
        var queued = ReadOnlyMemory<byte>.Empty;
        _store.BeforeComplete = result =>
        {
            queued = result!.Value;
            _store.BeforeComplete = null;
            throw new IdempotencyStoreException("No answer in time.");
        };
        await PayAsync((_, _) => new(new Receipt("r", 1)));
        var before = queued.ToArray();

        for (var i = 0; i < 100; i++)
        {
            var key = IdempotencyRecordKey.Internal("t", "u", "o", $"other{i}");
            await _executor.ExecuteAsync(
                key, RequestFingerprint.None, (_, _) => new(new Receipt("s", 2)), TestJson.Default.Receipt, cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.Equal(before, queued.ToArray());
    }

    [Fact]
    public async Task A_result_that_is_too_large_leaves_a_tombstone()
    {
        var policy = new IdempotencyPolicy { MaxResultBytes = 100 };

        Assert.Equal(IdempotentStatus.Executed, (await PayAsync((_, _) => new(new Receipt(new string('x', 100), 1)), policy)).Status);
        Assert.Equal(IdempotentStatus.ResultNotKept, (await PayAsync(Must_not_run, policy)).Status);
    }

    [Fact]
    public async Task A_damaged_record_is_an_error_and_never_a_second_run()
    {
        await PayAsync((_, _) => new(new Receipt("r", 1)));
        _store.Damage = true;

        Assert.Equal(IdempotentStatus.Corrupt, (await PayAsync(Must_not_run)).Status);
        Assert.Equal(SealStatus.Corrupt, (await _executor.SealAsync(_key, cancellationToken: TestContext.Current.CancellationToken)).Status);
    }

    [Fact]
    public async Task A_sealed_key_never_runs_and_a_completed_one_hands_over_its_result()
    {
        var completed = IdempotencyRecordKey.Internal("acme", "saga", "order", "s1:pay:do:0");
        await _executor.ExecuteAsync(
            completed, RequestFingerprint.None, (_, _) => new(new StoredResult { Body = "ok"u8.ToArray() }), cancellationToken: TestContext.Current.CancellationToken);

        var sealedNow = await _executor.SealAsync(_key, cancellationToken: TestContext.Current.CancellationToken);
        var done = await _executor.SealAsync(completed, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(SealStatus.Sealed, sealedNow.Status);
        Assert.Equal(IdempotentStatus.Sealed, (await PayAsync(Must_not_run)).Status);
        Assert.Equal(SealStatus.Completed, done.Status);
        Assert.Equal("ok"u8, done.Result!.Body.Span);
    }

    [Fact]
    public async Task An_inner_key_lives_as_long_as_its_call_says()
    {
        var policy = new IdempotencyPolicy { Ttl = TimeSpan.FromDays(40) };
        await PayAsync((_, _) => new(new Receipt("r", 1)), policy);

        _time.Advance(TimeSpan.FromDays(39));
        Assert.Equal(IdempotentStatus.Replayed, (await PayAsync(Must_not_run, policy)).Status);
    }

    [Fact]
    public async Task A_ttl_too_short_for_a_key_with_a_time_is_refused()
    {
        var timed = IdempotencyRecordKey.ForClientKey("t", "u", "o", Guid.CreateVersion7(_time.GetUtcNow()).ToString());

        await Assert.ThrowsAsync<ArgumentException>(async () => await _executor.ExecuteAsync(
            timed, RequestFingerprint.None, Must_not_run, TestJson.Default.Receipt, new IdempotencyPolicy { Ttl = TimeSpan.FromMinutes(5) }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task No_log_message_names_the_user()
    {
        await A_result_that_comes_after_a_take_over_is_refused();
        _store.Damage = true;
        await PayAsync(Must_not_run);

        Assert.NotEmpty(_logs.GetSnapshot());
        Assert.DoesNotContain(_logs.GetSnapshot(), log => log.Message.Contains("alice", StringComparison.Ordinal) || log.Message.Contains("acme", StringComparison.Ordinal));
    }
}
