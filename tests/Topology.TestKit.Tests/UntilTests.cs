namespace Topology.TestKit.Tests;

public sealed class UntilTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_value_is_returned_as_soon_as_it_is_as_wanted()
    {
        var reads = 0;
        Assert.Equal(3, await Until.Value(() => ++reads, value => value == 3, cancellationToken: Token));
        Assert.Equal(3, reads);
    }

    [Fact]
    public async Task A_missed_deadline_says_what_was_wanted_and_what_was_seen_last()
    {
        var count = 7;
        var failure = await Assert.ThrowsAsync<TimeoutException>(() => Until.Value(() => count, value => value == 8, Short, Token));
        Assert.Equal("Waited 0.05 s for () => count to be value => value == 8. Last seen: 7", failure.Message);
    }

    [Fact]
    public async Task A_read_that_throws_is_read_again_and_told_when_it_was_the_last()
    {
        var reads = 0;
        await Until.True(() => ++reads == 3 ? true : throw new IOException("not yet"), cancellationToken: Token);
        Func<bool> never = () => throw new IOException("still not");
        var failure = await Assert.ThrowsAsync<TimeoutException>(() => Until.True(never, Short, Token));
        Assert.EndsWith("Last seen: IOException: still not", failure.Message, StringComparison.Ordinal);
        Assert.IsType<IOException>(failure.InnerException);
    }

    [Fact]
    public async Task A_read_that_hangs_does_not_outlive_the_deadline()
    {
        var hangs = new TaskCompletionSource<bool>();
        await Assert.ThrowsAsync<TimeoutException>(() => Until.True(() => hangs.Task, Short, Token));
    }

    [Fact]
    public async Task Cancelling_ends_the_wait()
    {
        using var cancelled = new CancellationTokenSource(Short);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Until.True(() => false, cancellationToken: cancelled.Token));
    }
}
