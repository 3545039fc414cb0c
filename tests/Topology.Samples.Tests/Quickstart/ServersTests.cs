using System.Text.RegularExpressions;
using NATS.Client.Core;

namespace Topology.Samples.Tests.Quickstart;

public sealed partial class ServersTests
{
    [Fact]
    public async Task The_stories_are_the_same_on_servers_it_starts_and_it_ends_them()
    {
        var (exitCode, process) = await QuickstartProcess.RunAsync(TestContext.Current.CancellationToken, "--servers");
        Assert.True(exitCode == 0, process.Output + process.Error);
        Assert.Contains("quickstart: 6 of 6 stories ok", process.Output, StringComparison.Ordinal);
        var address = Address().Match(process.Output);
        Assert.True(address.Success, process.Output);
        await using var gone = new NatsConnection(NatsOpts.Default with { Url = address.Value, ConnectTimeout = TimeSpan.FromSeconds(2) });
        await Assert.ThrowsAnyAsync<Exception>(async () => await gone.ConnectAsync());
    }

    [GeneratedRegex(@"nats://127\.0\.0\.1:\d+")]
    private static partial Regex Address();
}
