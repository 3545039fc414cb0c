using Microsoft.Extensions.Time.Testing;
using Topology.Saga.JetStream.Internal;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

public sealed class SagaNewsTests
{
    private static readonly SagaId _id = new("d", "1");

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void An_inbox_is_asked_again_when_something_was_told_and_ten_seconds_after_it_was_read_whatever_was_told()
    {
        using var news = new SagaNews(_time);
        news.Hold(_id);
        var watch = news.Find(_id)!;
        Assert.True(watch.MayHaveNews, "it was never read");
        watch.Read(watch.Told);
        Assert.False(watch.MayHaveNews);
        news.Tell(_id);
        Assert.True(watch.MayHaveNews);
        watch.Read(watch.Told);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(watch.MayHaveNews);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.True(watch.MayHaveNews);
    }

    [Fact]
    public void What_is_told_while_an_inbox_is_read_is_news_after_it_was_read()
    {
        using var news = new SagaNews(_time);
        news.Hold(_id);
        var watch = news.Find(_id)!;
        var told = watch.Told;
        news.MissedSome();
        watch.Read(told);
        Assert.True(watch.MayHaveNews);
        var heard = 0;
        news.Listen(watch, () => heard++).Dispose();
        Assert.Equal(1, heard);
    }

    [Fact]
    public async Task Whoever_listens_is_called_when_something_is_told_and_when_nothing_was_read_for_ten_seconds()
    {
        using var news = new SagaNews(_time);
        news.Hold(_id);
        var (watch, heard) = (news.Find(_id)!, 0);
        watch.Read(watch.Told);
        using (news.Listen(watch, () => Interlocked.Increment(ref heard)))
        {
            news.Tell(_id);
            await Until.True(() => Volatile.Read(ref heard) == 1, cancellationToken: TestContext.Current.CancellationToken);
            watch.Read(watch.Told);
            _time.Advance(TimeSpan.FromSeconds(8));
            Assert.False(watch.MayHaveNews);
            _time.Advance(TimeSpan.FromSeconds(2));
            Assert.True(watch.MayHaveNews);
            await Until.True(() => Volatile.Read(ref heard) == 2, cancellationToken: TestContext.Current.CancellationToken);
        }

        watch.Read(watch.Told);
        news.Tell(_id);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.True(watch.MayHaveNews);
        Assert.Equal(2, heard);
    }
}
