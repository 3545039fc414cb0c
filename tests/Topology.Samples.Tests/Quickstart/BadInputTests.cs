namespace Topology.Samples.Tests.Quickstart;

public sealed class BadInputTests
{
    [Fact]
    public async Task A_missing_file_is_one_line_and_exit_2() =>
        await RefusedAsync(Path.Combine(Path.GetTempPath(), "no-such-topology.yaml"), 1, 1, "no-such-topology.yaml");

    [Fact]
    public async Task A_malformed_file_is_one_line_with_its_position_and_exit_2()
    {
        using var file = Settings.Of("retry_config:\n  default:\n    max_attempts: 3\n   base_delay: 1s\n");
        await RefusedAsync(file.Path, 4, null, null);
    }

    [Fact]
    public async Task A_bad_duration_is_one_line_with_its_position_and_exit_2()
    {
        using var file = Settings.Of("retry_config:\n  default:\n    base_delay: 60\n");
        await RefusedAsync(file.Path, 3, 17, "60s");
    }

    [Fact]
    public async Task An_unknown_profile_value_is_one_line_with_its_position_and_exit_2()
    {
        using var file = Settings.Of("retry_config:\n  default:\n    base_dealy: 1s\n");
        await RefusedAsync(file.Path, 3, 5, "base_delay");
    }

    [Fact]
    public async Task A_value_out_of_range_is_one_line_with_its_position_and_exit_2()
    {
        using var file = Settings.Of("retry_config:\n  api_calls:\n    max_attempts: 0\n");
        await RefusedAsync(file.Path, 3, 19, "1..100 (was 0)");
    }

    [Fact]
    public async Task An_unknown_argument_is_the_usage_and_exit_2()
    {
        var (exitCode, process) = await QuickstartProcess.RunAsync(TestContext.Current.CancellationToken, "--nope");

        Assert.Equal(2, exitCode);
        Assert.Contains("usage:", process.Error, StringComparison.Ordinal);
    }

    private static async Task RefusedAsync(string path, int line, int? column, string? part)
    {
        var (exitCode, process) = await QuickstartProcess.RunAsync(TestContext.Current.CancellationToken, "--config", path);

        Assert.True(exitCode == 2, $"exit code {exitCode}: {process.Output}{process.Error}");
        Assert.Empty(process.Output);
        var error = Assert.Single(process.Error.Split('\n'));
        Assert.Contains($"{Path.GetFileName(path)}({line},{column}", error, StringComparison.Ordinal);
        Assert.Contains("error TOPO", error, StringComparison.Ordinal);
        Assert.Contains(part ?? "", error, StringComparison.Ordinal);
    }
}
