using System.Diagnostics;

namespace Topology.Samples.Tests.Platform;

[Collection(PlatformCollection.Name)]
public sealed class DemoTests(PlatformFixture platform)
{
    [Fact]
    public async Task The_demo_plays_its_runs_and_shows_them()
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var demo = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Demo", configuration, "Demo"));
        using var process = Process.Start(new ProcessStartInfo(
            demo, [platform.Gateway.Address.ToString(), platform.Realtime.Address.ToString(), platform.Router.Address.ToString()])
        {
            RedirectStandardOutput = true,
        })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, output);
        Assert.EndsWith("demo: ok\n", output, StringComparison.Ordinal);
        Assert.Contains("payment_authorization undone", output, StringComparison.Ordinal);
    }
}
