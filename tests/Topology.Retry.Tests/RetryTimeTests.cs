namespace Topology.Retry.Tests;

public sealed class RetryTimeTests
{
    private readonly CountingTimeProvider _time = new();
    private readonly List<RetryEvent> _events = [];
    private int _calls;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_try_that_takes_too_long_is_cut_off_and_tried_again()
    {
        var policy = Policy(options => options.AttemptTimeout = TimeSpan.FromSeconds(2));
        var running = policy.ExecuteAsync(
            async token =>
            {
                if (++_calls == 1)
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, _time, token);
                }

                return _calls;
            },
            Token).AsTask();

        Assert.Equal(2, await _time.PassAsync(running));
        Assert.Equal("Retry profile 'default': try 1 took longer than 2s.", Assert.IsType<TimeoutException>(Assert.Single(_events).Exception).Message);
    }

    [Fact]
    public async Task The_deadline_cuts_off_the_try_that_runs()
    {
        var policy = Policy(options => options.OverallTimeout = TimeSpan.FromSeconds(5));
        var running = policy.TryExecuteAsync(
            async ValueTask<int> (token) =>
            {
                if (++_calls == 1)
                {
                    throw new IOException("the cause");
                }

                await Task.Delay(Timeout.InfiniteTimeSpan, _time, token);
                return 0;
            },
            Token).AsTask();

        var outcome = await _time.PassAsync(running);
        Assert.Equal((RetryStop.Deadline, 2), (outcome.Stop, outcome.Attempts));
        Assert.InRange(outcome.Elapsed, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(6));
        Assert.Equal("the cause", Assert.IsType<TimeoutException>(outcome.Error).InnerException!.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_wait_that_cannot_fit_is_not_begun_and_the_real_failure_returns_before_time_moves(bool handedIn)
    {
        var policy = Policy(options => options.OverallTimeout = handedIn ? null : TimeSpan.FromSeconds(1));
        var outcome = await policy.TryExecuteAsync(
            0,
            ValueTask<int> (_, _) => throw new IOException("the cause"),
            new RetryCall { Deadline = handedIn ? _time.GetUtcNow().AddSeconds(1) : null, CancellationToken = Token });

        // The one timer bounds the try itself.
        Assert.Equal((RetryStop.Deadline, 1, TimeSpan.Zero, 1), (outcome.Stop, outcome.Attempts, outcome.Elapsed, _time.Timers));
        Assert.Equal("the cause", outcome.Error!.Message);
        Assert.Empty(_events);
    }

    [Fact]
    public async Task A_deadline_beyond_any_timer_is_no_bound() => Assert.Equal(1, await Policy().ExecuteAsync(
        attempt => new ValueTask<int>(attempt.Number), new RetryCall { Deadline = DateTimeOffset.MaxValue, CancellationToken = Token }));

    [Fact]
    public async Task A_deadline_in_the_past_makes_no_call()
    {
        var outcome = await Policy().TryExecuteAsync(
            0, (_, _) => new ValueTask<int>(++_calls), new RetryCall { Deadline = _time.GetUtcNow().AddSeconds(-1) });

        Assert.Equal((RetryStop.Deadline, 0, 0), (outcome.Stop, outcome.Attempts, _calls));
        Assert.IsType<TimeoutException>(outcome.Error);
    }

    [Fact]
    public async Task The_earlier_of_two_deadlines_holds()
    {
        var policy = Policy(options => options.OverallTimeout = TimeSpan.FromSeconds(10));
        await policy.ExecuteAsync(
            attempt => new ValueTask<TimeSpan?>(attempt.Remaining), new RetryCall { Deadline = _time.GetUtcNow().AddSeconds(20) })
            .AsTask().ContinueWith(remaining => Assert.Equal(TimeSpan.FromSeconds(10), remaining.Result), TaskScheduler.Default);
    }

    [Fact]
    public async Task A_server_hint_beats_the_computed_wait_and_is_spread_only_later()
    {
        foreach (var (random, seconds) in new[] { (0.0, 30.0), (0.5, 31.5), (0.999, 32.997) })
        {
            _events.Clear();
            var policy = Policy(random: () => random);
            var running = policy.TryExecuteAsync(ValueTask<int> (_) => throw new Hint(TimeSpan.FromSeconds(30)), Token);
            await _time.PassAsync(running.AsTask());

            Assert.Equal(seconds, _events[0].Delay.TotalSeconds, 3);
            Assert.Equal(RetryDelaySource.Server, _events[0].DelaySource);
        }
    }

    [Fact]
    public async Task A_server_hint_is_never_undercut_by_a_timer_that_fires_early()
    {
        var time = new CountingTimeProvider { Early = TimeSpan.FromMilliseconds(11) };
        var policy = new RetryPolicy(new RetryProfileOptions { Jitter = RetryJitter.None }, timeProvider: time);
        var started = time.GetTimestamp();
        var running = policy.ExecuteAsync(
            _ => ++_calls == 1 ? throw new Hint(TimeSpan.FromSeconds(10)) : new ValueTask<TimeSpan>(time.GetElapsedTime(started)), Token).AsTask();
        while (!running.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.True(await running >= TimeSpan.FromSeconds(10), $"after {await running}");
    }

    [Theory]
    [InlineData(120, true)]
    [InlineData(121, false)]
    public async Task A_server_hint_above_the_bound_stops_at_once_with_the_real_failure(int seconds, bool waits)
    {
        var running = Policy(options => options.Jitter = RetryJitter.None).TryExecuteAsync(ValueTask<int> (_) => throw new Hint(TimeSpan.FromSeconds(seconds)), Token);

        Assert.Equal(waits, !running.IsCompleted);
        if (!waits)
        {
            var outcome = await running;
            Assert.Equal((RetryStop.ServerDelay, 0), (outcome.Stop, _time.Timers));
            Assert.IsType<Hint>(outcome.Error);
        }
    }

    [Fact]
    public async Task A_server_hint_past_the_deadline_stops_at_once_with_the_real_failure()
    {
        var outcome = await Policy().TryExecuteAsync(
            0, ValueTask<int> (_, _) => throw new Hint(TimeSpan.FromSeconds(60)), new RetryCall { Deadline = _time.GetUtcNow().AddSeconds(30) });

        Assert.Equal((RetryStop.Deadline, TimeSpan.Zero), (outcome.Stop, outcome.Elapsed));
        Assert.IsType<Hint>(outcome.Error);
    }

    [Fact]
    public async Task A_wait_of_nothing_makes_no_timer()
    {
        await Assert.ThrowsAsync<TimeoutException>(() => Policy(options => options.BaseDelay = TimeSpan.Zero)
            .ExecuteAsync(Task<int> (_) => throw new TimeoutException(), Token));

        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public async Task A_try_that_ignores_its_timeout_and_succeeds_is_a_success()
    {
        var policy = Policy(options => options.AttemptTimeout = TimeSpan.FromSeconds(1));
        Assert.Equal(1, await policy.ExecuteAsync(
            _ =>
            {
                _time.Advance(TimeSpan.FromSeconds(5));
                return new ValueTask<int>(1);
            },
            Token));
    }

    private RetryPolicy Policy(Action<RetryProfileOptions>? configure = null, Func<double>? random = null)
    {
        var options = new RetryProfileOptions { OnRetry = _events.Add };
        configure?.Invoke(options);
        return new RetryPolicy(options, timeProvider: _time, random: random ?? (() => 0.5));
    }

    private sealed class Hint(TimeSpan wait) : Exception, IRetryHint
    {
        public bool MayRetry => true;

        public TimeSpan? RetryAfter => wait;
    }
}
