using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

public sealed class RetryCancellationTests : IDisposable
{
    private readonly CancellationTokenSource _caller = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly List<RetryEvent> _events = [];
    private readonly FakeTimeProvider _time = new();
    private int _calls;

    public void Dispose() => _caller.Dispose();

    [Fact]
    public async Task Cancelled_before_the_start_nothing_is_called()
    {
        await _caller.CancelAsync();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Policy().ExecuteAsync(_ => new ValueTask<int>(++_calls), _caller.Token));

        Assert.Equal(_caller.Token, cancelled.CancellationToken);
        Assert.Equal(0, _calls);
    }

    [Fact]
    public async Task Cancelled_during_a_try_that_fails_the_failure_is_the_inner_exception_and_no_event_fires()
    {
        var cancelled = await Assert.ThrowsAsync<OperationCanceledException>(() => Policy().ExecuteAsync(
            async Task<int> (_) =>
            {
                _calls++;
                await _caller.CancelAsync();
                throw new TimeoutException("the cause");
            },
            _caller.Token));

        Assert.Equal("the cause", cancelled.InnerException!.Message);
        Assert.Equal((1, 0), (_calls, _events.Count));
    }

    [Fact]
    public async Task Cancelled_during_a_try_that_must_not_be_retried_the_failure_itself_surfaces()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => Policy().ExecuteAsync(
            async Task<int> (_) =>
            {
                await _caller.CancelAsync();
                throw new ArgumentException("a bug");
            },
            _caller.Token));
    }

    [Fact]
    public async Task Cancelled_during_a_later_try_that_listens_the_last_failure_is_the_inner_exception()
    {
        var cancelled = await Assert.ThrowsAsync<OperationCanceledException>(() => Policy(TimeSpan.Zero).ExecuteAsync(
            async Task<int> (token) =>
            {
                if (++_calls == 1)
                {
                    throw new TimeoutException("the cause");
                }

                await _caller.CancelAsync();
                token.ThrowIfCancellationRequested();
                return 0;
            },
            _caller.Token));

        Assert.Equal("the cause", cancelled.InnerException!.Message);
        Assert.Equal(_caller.Token, cancelled.CancellationToken);
    }

    [Fact]
    public async Task Cancelled_during_a_wait_it_surfaces_at_once_with_the_last_failure()
    {
        var running = Policy().ExecuteAsync(Task<int> (_) => throw new TimeoutException($"the cause {++_calls}"), _caller.Token);
        Assert.False(running.IsCompleted);

        await _caller.CancelAsync();

        var cancelled = await Assert.ThrowsAsync<OperationCanceledException>(() => running);
        Assert.True(running.IsCanceled);
        Assert.Equal("the cause 1", cancelled.InnerException!.Message);
        Assert.Equal(1, _calls);
        Assert.True(RetryInfo.TryGet(cancelled, out var info));
        Assert.Equal(RetryStop.Cancelled, info.Stop);
    }

    [Fact]
    public async Task Cancelled_by_an_observer_no_wait_begins()
    {
        var timers = new CountingTimeProvider();
        var policy = new RetryPolicy(new RetryProfileOptions { OnRetry = _ => _caller.Cancel() }, timeProvider: timers);

        var cancelled = await Assert.ThrowsAsync<OperationCanceledException>(() => policy.ExecuteAsync(Task<int> (_) => throw new TimeoutException("the cause"), _caller.Token));

        Assert.Equal("the cause", cancelled.InnerException!.Message);
        Assert.Equal(0, timers.Timers);
    }

    [Fact]
    public async Task A_success_that_arrives_after_the_cancel_is_a_success() => Assert.Equal(5, await Policy().ExecuteAsync(
        async _ =>
        {
            await _caller.CancelAsync();
            return 5;
        },
        _caller.Token));

    [Fact]
    public async Task A_refused_result_is_disposed_and_never_surfaces_when_the_caller_cancels()
    {
        var result = new MemoryStream();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await Policy().ExecuteAsync(
            result,
            async (result, _) =>
            {
                await _caller.CancelAsync();
                return result;
            },
            static _ => RetryVerdict.Retry,
            _caller.Token));

        Assert.False(result.CanRead);
    }

    [Fact]
    public async Task Cancelling_is_an_outcome_too()
    {
        var outcome = await Policy().TryExecuteAsync(
            async ValueTask<int> (_) =>
            {
                await _caller.CancelAsync();
                throw new TimeoutException();
            },
            _caller.Token);

        Assert.Equal(RetryStop.Cancelled, outcome.Stop);
        Assert.IsType<OperationCanceledException>(outcome.Error);
    }

    private RetryPolicy Policy(TimeSpan? baseDelay = null) =>
        new(new RetryProfileOptions { BaseDelay = baseDelay ?? TimeSpan.FromSeconds(1), OnRetry = _events.Add }, timeProvider: _time);
}
