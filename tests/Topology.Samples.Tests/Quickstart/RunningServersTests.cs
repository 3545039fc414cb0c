using NATS.Client.JetStream;
using Topology.TestKit;

namespace Topology.Samples.Tests.Quickstart;

public sealed class RunningServersTests
{
    [Fact]
    public async Task It_uses_running_servers_and_leaves_them_running_with_what_it_kept()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var redis = await RedisServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        var (exitCode, process) = await QuickstartProcess.RunAsync(
            TestContext.Current.CancellationToken, "--nats", nats.Url, "--redis", redis.ConnectionString);
        Assert.True(exitCode == 0, process.Output + process.Error);
        Assert.True(nats.IsRunning && redis.IsRunning);
        await using var connection = await nats.ConnectAsync();
        var letters = await new NatsJSContext(connection).GetStreamAsync("WORKFLOW_COMPENSATION_DLQ", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(1, letters.Info.State.Messages); // the story that is not redriven leaves its letter
        await using var keys = await redis.ConnectAsync();
        Assert.NotEmpty(keys.GetServers()[0].Keys(pattern: "idempotency:*"));
    }
}
