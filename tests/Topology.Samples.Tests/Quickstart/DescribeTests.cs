namespace Topology.Samples.Tests.Quickstart;

public sealed class DescribeTests
{
    [Fact]
    public async Task Describe_prints_the_settings_in_force_with_their_lines_and_starts_nothing()
    {
        var (exitCode, process) = await QuickstartProcess.RunAsync(TestContext.Current.CancellationToken, "describe");

        Assert.True(exitCode == 0, process.Output + process.Error);
        Assert.Contains(process.Lines, line => line.Contains("max_attempts", StringComparison.Ordinal) && line.Contains("topology.yaml", StringComparison.Ordinal));
        Assert.DoesNotContain("127.0.0.1", process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Describe_on_a_bad_file_says_what_a_start_would_say()
    {
        using var file = Settings.Of("retry_config:\n  default:\n    base_delay: 60\n");

        var (exitCode, process) = await QuickstartProcess.RunAsync(TestContext.Current.CancellationToken, "describe", "--config", file.Path);

        Assert.Equal(2, exitCode);
        Assert.Contains("(3,17", Assert.Single(process.Error.Split('\n')), StringComparison.Ordinal);
    }
}
