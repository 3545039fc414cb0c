using Microsoft.Extensions.Time.Testing;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>Many tries under one timer: each ends in its own time.</summary>
public sealed class TryLimitsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly Clock _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_try_ends_when_its_own_time_is_over()
    {
        using var limits = new TryLimits(Limit, _time);
        var tries = new List<TryLimits.TryLimit>();
        for (var i = 0; i < 10; i++)
        {
            tries.Add(limits.Begin(CancellationToken.None));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        limits.End(tries[3]);
        _time.Advance(Limit - TimeSpan.FromSeconds(10)); // the first is over
        for (var i = 0; i < 10; i++)
        {
            if (i != 3)
                await Until.True(() => tries[i].Source.IsCancellationRequested, cancellationToken: Token);
            Assert.All(tries[(i + 1)..], later => Assert.False(later.Source.IsCancellationRequested));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.False(tries[3].Source.IsCancellationRequested);
    }

    [Fact]
    public async Task A_try_that_begins_while_the_timer_looks_for_the_next_one_delays_no_other()
    {
        using var limits = new TryLimits(Limit, _time);
        limits.Begin(CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(1));
        var second = limits.Begin(CancellationToken.None);
        TryLimits.TryLimit? third = null;
        _time.Advance(Limit - TimeSpan.FromSeconds(1.5));
        _time.WhenAsked = () => third = limits.Begin(CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.NotNull(third);
        Assert.False(second.Source.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Until.True(() => second.Source.IsCancellationRequested, cancellationToken: Token);
        Assert.False(third.Source.IsCancellationRequested);
        _time.Advance(Limit);
        await Until.True(() => third.Source.IsCancellationRequested, cancellationToken: Token);
    }

    [Fact]
    public async Task A_try_that_begins_while_the_timer_finds_nobody_left_has_its_limit_all_the_same()
    {
        using var limits = new TryLimits(Limit, _time);
        limits.Begin(CancellationToken.None);
        TryLimits.TryLimit? second = null;
        _time.Advance(Limit - TimeSpan.FromSeconds(0.5));
        _time.WhenAsked = () => second = limits.Begin(CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.NotNull(second);
        _time.Advance(Limit);
        await Until.True(() => second.Source.IsCancellationRequested, cancellationToken: Token);
    }

    [Fact]
    public async Task A_try_that_has_the_token_of_one_that_ended_just_when_it_was_due_has_its_whole_time()
    {
        using var limits = new TryLimits(Limit, _time);
        var first = limits.Begin(CancellationToken.None);
        TryLimits.TryLimit? second = null;
        _time.Advance(Limit - TimeSpan.FromSeconds(0.5));
        _time.WhenAsked = () =>
        {
            limits.End(first);
            second = limits.Begin(CancellationToken.None);
        };
        _time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Same(first, second);
        _time.Advance(Limit - TimeSpan.FromSeconds(1));
        Assert.NotEqual(0, second!.Began);
        limits.End(second);
        Assert.Same(first, limits.Begin(CancellationToken.None)); // it ended by itself, and its token is good for another
        _time.Advance(Limit);
        await Until.True(() => first.Source.IsCancellationRequested, cancellationToken: Token);
    }

    private sealed class Clock : FakeTimeProvider
    {
        public Action? WhenAsked { get; set; }

        public override long GetTimestamp()
        {
            var act = WhenAsked;
            WhenAsked = null;
            act?.Invoke();
            return base.GetTimestamp();
        }
    }
}
