using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

public sealed class RetryPolicyTests
{
    private static readonly RetryProfileOptions NoWait = new() { BaseDelay = TimeSpan.Zero };

    private readonly RetryPolicy _policy = new(NoWait, "mine");
    private int _calls;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_overload_makes_the_call_again_until_it_succeeds()
    {
        Assert.Equal(3, await _policy.ExecuteAsync(_ => new ValueTask<int>(ThirdTime()), Token));
        Assert.Equal(3, await _policy.ExecuteAsync(_ => Task.FromResult(ThirdTime()), Token));
        Assert.Equal(3, await _policy.ExecuteAsync(async _ => ThirdTime(), Token));
        await _policy.ExecuteAsync(_ => Ignore(ThirdTime()), Token);
        await _policy.ExecuteAsync(_ => (Task)Task.FromResult(ThirdTime()), Token);
        await _policy.ExecuteAsync(async _ => { await Task.Yield(); ThirdTime(); }, Token);
        Assert.Equal(3, await _policy.ExecuteAsync(this, static (test, _) => new ValueTask<int>(test.ThirdTime()), Token));
        await _policy.ExecuteAsync(this, static (test, _) => Ignore(test.ThirdTime()), Token);
        await _policy.ExecuteAsync(this, static async (test, _) => { await Task.Yield(); test.ThirdTime(); }, Token);
        Assert.Equal(3, await _policy.ExecuteAsync(async attempt => { await Task.Yield(); ThirdTime(); return attempt.Number; }, Token));
        Assert.Equal(3, await _policy.ExecuteAsync(this, static (test, attempt) => { test.ThirdTime(); return new ValueTask<int>(attempt.Number); }, new RetryCall()));
        Assert.Equal(3, (await _policy.TryExecuteAsync(async _ => { await Task.Yield(); return ThirdTime(); }, Token)).Value);
        Assert.Equal(36, _calls);

        static ValueTask Ignore(int _) => default;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_caller_sees_the_last_original_exception_with_the_facts_attached(bool pending)
    {
        var thrown = await Assert.ThrowsAsync<TimeoutException>(async () => await _policy.ExecuteAsync(
            async Task<int> (_) =>
            {
                if (pending)
                {
                    await Task.Yield();
                }

                throw new TimeoutException($"try {++_calls}");
            },
            Token));

        Assert.Equal("try 3", thrown.Message);
        Assert.Contains(nameof(The_caller_sees_the_last_original_exception_with_the_facts_attached), thrown.StackTrace, StringComparison.Ordinal);
        Assert.True(RetryInfo.TryGet(thrown, out var info));
        Assert.Equal(("mine", 3, RetryStop.Attempts), (info.Profile, info.Attempts, info.Stop));
        Assert.Equal(["try 1", "try 2"], info.Earlier.Select(error => error.Message));
    }

    [Fact]
    public async Task Only_the_newest_eight_earlier_failures_are_kept()
    {
        var policy = new RetryPolicy(new RetryProfileOptions { BaseDelay = TimeSpan.Zero, MaxAttempts = 20 });
        var thrown = await Assert.ThrowsAsync<TimeoutException>(() => policy.ExecuteAsync(Task<int> (_) => throw new TimeoutException($"{++_calls}"), Token));

        Assert.True(RetryInfo.TryGet(thrown, out var info));
        Assert.Equal(["12", "13", "14", "15", "16", "17", "18", "19"], info.Earlier.Select(error => error.Message));
    }

    [Fact]
    public async Task An_exception_that_refuses_data_still_reaches_the_caller()
    {
        var thrown = await Assert.ThrowsAsync<WithoutData>(() => _policy.ExecuteAsync(Task<int> (_) => throw new WithoutData(), Token));

        Assert.False(RetryInfo.TryGet(thrown, out _));
    }

    [Fact]
    public async Task One_attempt_means_no_retry()
    {
        var once = new RetryPolicy(new RetryProfileOptions { MaxAttempts = 1 });
        await Assert.ThrowsAsync<TimeoutException>(async () => await once.ExecuteAsync(_ => new ValueTask<int>(ThirdTime()), Token));
        Assert.Equal(1, _calls);

        await Assert.ThrowsAsync<TimeoutException>(async () => await _policy.ExecuteAsync(
            this, static (test, _) => new ValueTask<int>(test.ThirdTime()), new RetryCall { MaxAttempts = 1 }));
        Assert.Equal(2, _calls);
    }

    [Fact]
    public async Task An_attempt_knows_its_number_and_the_time_it_has()
    {
        var time = new FakeTimeProvider();
        var policy = new RetryPolicy(new RetryProfileOptions { BaseDelay = TimeSpan.Zero, AttemptTimeout = TimeSpan.FromSeconds(3) }, timeProvider: time);
        var seen = new List<(int, TimeSpan?)>();
        await policy.ExecuteAsync(
            attempt =>
            {
                seen.Add((attempt.Number, attempt.Remaining));
                time.Advance(TimeSpan.FromSeconds(2));
                return attempt.Number < 3 ? throw new TimeoutException() : new ValueTask<int>(0);
            },
            new RetryCall { Deadline = time.GetUtcNow().AddSeconds(5) });

        Assert.Equal([(1, TimeSpan.FromSeconds(3)), (2, TimeSpan.FromSeconds(3)), (3, TimeSpan.FromSeconds(1))], seen);
    }

    [Fact]
    public async Task A_refused_result_is_tried_again_and_the_last_one_is_returned()
    {
        Assert.Equal(3, await _policy.ExecuteAsync(
            this, static (test, _) => new ValueTask<int>(++test._calls), static result => result < 3 ? RetryVerdict.Retry : default, Token));
        Assert.Equal(6, await _policy.ExecuteAsync(
            this, static (test, _) => new ValueTask<int>(++test._calls), static _ => RetryVerdict.Retry, Token));
        Assert.Equal(7, await _policy.ExecuteAsync(
            this, static (test, _) => new ValueTask<int>(++test._calls), static _ => RetryVerdict.Stop, Token));
    }

    [Fact]
    public async Task A_refused_result_is_an_outcome_without_success()
    {
        var attempts = await _policy.TryExecuteAsync(this, static (test, _) => new ValueTask<int>(++test._calls), default, static _ => RetryVerdict.Retry);
        var stopped = await _policy.TryExecuteAsync(this, static (test, _) => new ValueTask<int>(++test._calls), default, static _ => RetryVerdict.Stop);

        Assert.Equal((false, 3, RetryStop.Attempts, 3), (attempts.Succeeded, attempts.Value, attempts.Stop, attempts.Attempts));
        Assert.Equal((false, 4, RetryStop.NotRetryable, 1), (stopped.Succeeded, stopped.Value, stopped.Stop, stopped.Attempts));
        Assert.Null(attempts.Error);
    }

    [Fact]
    public async Task Results_in_between_are_disposed_and_the_last_is_not()
    {
        var made = new List<Disposables>();
        var last = await _policy.ExecuteAsync(
            made,
            static (made, _) =>
            {
                made.Add(made.Count % 2 == 0 ? new Disposables() : new AsyncDisposables());
                return new ValueTask<Disposables>(made[^1]);
            },
            static _ => RetryVerdict.Retry,
            Token);

        Assert.Equal([true, true, false], made.Select(result => result.Disposed));
        Assert.Same(made[2], last);
    }

    [Fact]
    public async Task The_outcome_names_attempts_elapsed_time_and_why_it_stopped()
    {
        var time = new FakeTimeProvider();
        var policy = new RetryPolicy(NoWait, timeProvider: time);
        var outcome = await policy.TryExecuteAsync(
            ValueTask<int> (_) =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                throw new TimeoutException();
            },
            Token);

        Assert.Equal((false, 3, TimeSpan.FromMinutes(3), RetryStop.Attempts), (outcome.Succeeded, outcome.Attempts, outcome.Elapsed, outcome.Stop));
        Assert.Throws<TimeoutException>(() => outcome.GetValueOrThrow());
    }

    [Fact]
    public async Task A_failing_result_classifier_accepts_the_result() => Assert.Equal(1, await _policy.ExecuteAsync(
        this, static (test, _) => new ValueTask<int>(++test._calls), static _ => throw new InvalidOperationException("a bug"), Token));

    [Fact]
    public async Task A_failing_observer_never_replaces_the_outcome()
    {
        var policy = new RetryPolicy(new RetryProfileOptions { BaseDelay = TimeSpan.Zero, OnRetry = static _ => throw new InvalidOperationException("a bug") });

        Assert.Equal(3, await policy.ExecuteAsync(_ => new ValueTask<int>(ThirdTime()), Token));
    }

    [Fact]
    public async Task An_observer_can_print_what_happens()
    {
        var lines = new List<string>();
        var policy = new RetryPolicy(new RetryProfileOptions
        {
            BaseDelay = TimeSpan.FromTicks(10),
            Jitter = RetryJitter.None,
            OnRetry = retry => lines.Add(FormattableString.Invariant(
                $"{retry.Profile} try {retry.Attempt} of {retry.MaxAttempts} failed: {retry.Exception!.Message}, next try in {retry.Delay.Ticks} ({retry.DelaySource})")),
        });

        await Assert.ThrowsAsync<TimeoutException>(() => policy.ExecuteAsync(Task<int> (_) => throw new TimeoutException("slow"), Token));

        Assert.Equal(["default try 1 of 3 failed: slow, next try in 10 (Backoff)", "default try 2 of 3 failed: slow, next try in 20 (Backoff)"], lines);
    }

    [Fact]
    public async Task The_waits_of_a_profile_pass_on_the_given_clock()
    {
        var time = new FakeTimeProvider();
        var waits = new List<TimeSpan>();
        var options = RetryProfileOptions.ForProfile(RetryProfileNames.ApiCalls);
        options.Jitter = RetryJitter.None;
        options.OnRetry = retry => waits.Add(retry.Delay);
        var running = new RetryPolicy(options, timeProvider: time).TryExecuteAsync(ValueTask<int> (_) => throw new TimeoutException(), Token).AsTask();
        while (!running.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
        }

        var outcome = await running;
        Assert.Equal([500, 1000, 2000, 4000], waits.Select(wait => wait.TotalMilliseconds));
        Assert.Equal((5, RetryStop.Attempts), (outcome.Attempts, outcome.Stop));
        Assert.Equal(TimeSpan.FromMilliseconds(7500), outcome.Elapsed);
    }

    private int ThirdTime() => ++_calls % 3 == 0 ? 3 : throw new TimeoutException();

    private class Disposables : IDisposable
    {
        public bool Disposed { get; protected set; }

        public void Dispose() => Disposed = Disposed || this is AsyncDisposables ? throw new InvalidOperationException("Once, and the asynchronous form goes first.") : true;
    }

    private sealed class AsyncDisposables : Disposables, IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Task.Yield();
            Disposed = true;
        }
    }

    private sealed class WithoutData : Exception
    {
        public override System.Collections.IDictionary Data => throw new NotSupportedException();
    }
}
