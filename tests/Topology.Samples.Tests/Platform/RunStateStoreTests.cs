using NATS.Client.JetStream;
using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;

namespace Topology.Samples.Tests.Platform;

/// <summary>Two orchestrators publish states of one run.</summary>
[Collection(PlatformCollection.Name)]
public sealed class RunStateStoreTests(PlatformFixture platform)
{
    private readonly string _run = Guid.NewGuid().ToString("N");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_orchestrator_that_was_stopped_puts_no_older_state_over_a_newer_one()
    {
        var (stopped, other) = (new RunStateStore(platform.Connection), new RunStateStore(platform.Connection));
        Assert.True(await stopped.PublishAsync(State(1, "Running"), Token));
        Assert.True(await other.PublishAsync(State(2, "Running"), Token));
        Assert.True(await other.PublishAsync(State(4, "Completed"), Token));
        Assert.False(await stopped.PublishAsync(State(3, "Running"), Token));
        Assert.False(await stopped.PublishAsync(State(4, "Completed"), Token)); // told twice, published once
        Assert.Equal((4, "Completed"), await LastAsync());
    }

    [Fact]
    public async Task A_run_that_begins_anew_comes_after_all_it_was_before()
    {
        var store = new RunStateStore(platform.Connection);
        Assert.True(await store.PublishAsync(State(9, "Compensated"), Token));
        Assert.True(await store.PublishAsync(State(1, "Running") with { Redrive = 1 }, Token));
        Assert.False(await store.PublishAsync(State(10, "Compensated"), Token));
        Assert.Equal((1, "Running"), await LastAsync());
    }

    [Fact]
    public async Task Many_orchestrators_at_once_leave_the_newest()
    {
        await Task.WhenAll(Enumerable.Range(1, 20).Select(async version =>
            await new RunStateStore(platform.Connection).PublishAsync(State(version, "Running"), Token)));
        Assert.Equal((20, "Running"), await LastAsync());
        var stream = await new NatsJSContext(platform.Connection).GetStreamAsync(PlatformNames.RunStateStream, cancellationToken: Token);
        Assert.Equal(1, stream.Info.Config.MaxMsgsPerSubject);
    }

    private RunState State(long version, string status) => new(_run, status, status is "Completed" or "Compensated", 0, version, [], []);

    private async Task<(long, string)> LastAsync() =>
        await new RunStateStore(platform.Connection).FindAsync(_run, Token) is { State: var state } ? (state.Version, state.Status) : default;
}
