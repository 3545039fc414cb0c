using Microsoft.Extensions.DependencyInjection;
using Topology.Health.Internal;

namespace Topology.Health.Tests;

/// <summary>Alone, because it takes the threads of everyone.</summary>
[CollectionDefinition(nameof(ThreadPoolStarvationTests), DisableParallelization = true)]
[Collection(nameof(ThreadPoolStarvationTests))]
public sealed class ThreadPoolStarvationTests
{
    [Fact]
    public async Task A_starved_thread_pool_fails_live_and_a_fed_one_passes()
    {
        await using var app = await HealthApp.StartAsync(configure: static options => options.MaxThreadPoolDelay = TimeSpan.FromMilliseconds(500));
        var board = app.App.Services.GetRequiredService<HealthBoard>();
        await Until.True(() => board.Read(ProbeKind.Startup).StatusCode == 200, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(200, board.Read(ProbeKind.Live).StatusCode);

        using var release = new ManualResetEventSlim();
        var blocked = Enumerable.Range(0, 200)
            .Select(_ => Task.Run(() => release.Wait(TimeSpan.FromMinutes(1)), TestContext.Current.CancellationToken)).ToArray();
        var found = SpinWait.SpinUntil(() => board.Read(ProbeKind.Live).StatusCode == 503, TimeSpan.FromSeconds(30));
        release.Set();
        await Task.WhenAll(blocked);

        Assert.True(found, "live stayed 200 while no work item got a thread");
        await Until.True(() => board.Read(ProbeKind.Live).StatusCode == 200, cancellationToken: TestContext.Current.CancellationToken);
    }
}
