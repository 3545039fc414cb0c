using System.Diagnostics;
using System.Text.Json;

namespace Topology.Samples.Tests.Quickstart;

public sealed class StoriesTests
{
    [Fact]
    public async Task It_plays_six_stories_and_ends_by_itself_with_0_within_30_seconds()
    {
        var token = TestContext.Current.CancellationToken;
        var file = Path.Combine(Path.GetTempPath(), $"quickstart-{Guid.NewGuid():N}.json");
        var clock = Stopwatch.StartNew();

        var (exitCode, process) = await QuickstartProcess.RunAsync(token, "--json", file);

        Assert.True(exitCode == 0, process.Output + process.Error);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"it took {clock.Elapsed}");
        Assert.Empty(process.Error);
        Assert.Equal("quickstart: 6 of 6 stories ok", process.Lines[^1]);
        Assert.Contains("names redis", process.Lines[0], StringComparison.Ordinal);

        using var facts = JsonDocument.Parse(await File.ReadAllTextAsync(file, token));
        File.Delete(file);
        var stories = facts.RootElement.EnumerateArray().ToDictionary(story => story.GetProperty("name").GetString()!);
        Assert.Equal(
            ["compensation-dead-lettered", "dead-letter-redriven", "duplicate-replayed", "flaky-tool-retried", "order-compensated", "order-completed"],
            stories.Keys.Order(StringComparer.Ordinal));

        // What a reader of the file relies on, read from the outside.
        Assert.Equal(2, Delays(stories["flaky-tool-retried"], "web_search").Count);
        Assert.InRange(Delays(stories["flaky-tool-retried"], "web_search")[0], 1.78, 7);
        Assert.InRange(Delays(stories["flaky-tool-retried"], "web_search")[1], 3.58, 9);
        Assert.Equal([202, 202], Statuses(stories["duplicate-replayed"]));
        Assert.Equal(["email_notification", "inventory_reservation", "payment_authorization"], Strings(stories["order-compensated"], "compensated"));
        Assert.Equal(3, Delays(stories["compensation-dead-lettered"], "refund_transaction").Count);
        var letter = Assert.Single(stories["compensation-dead-lettered"].GetProperty("deadLetters").EnumerateArray());
        Assert.Equal("workflow.compensation.dlq", letter.GetProperty("queue").GetString());
        Assert.Equal("Compensated", stories["dead-letter-redriven"].GetProperty("result").GetString());
    }

    [Fact]
    public async Task A_story_that_does_not_do_what_it_says_ends_with_1_and_says_which_and_why()
    {
        var token = TestContext.Current.CancellationToken;
        using var file = Settings.With("tool_calls:\n    max_attempts: 3", "tool_calls:\n    max_attempts: 2");

        var (exitCode, process) = await QuickstartProcess.RunAsync(token, "--config", file.Path);

        Assert.Equal(1, exitCode);
        Assert.Equal("quickstart: 5 of 6 stories ok", process.Lines[^1]);
        Assert.Contains(process.Lines, line => line.StartsWith("flaky-tool-retried: the tool call was answered with 502 after 2 tries", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_file_is_really_used()
    {
        var token = TestContext.Current.CancellationToken;
        using var file = Settings.With("type: \"refund_transaction\"\n          timeout: 30s\n          retry_count: 3", "type: \"refund_transaction\"\n          timeout: 30s\n          retry_count: 1");
        var json = file.Path + ".json";

        var (exitCode, process) = await QuickstartProcess.RunAsync(token, "--config", file.Path, "--json", json);

        Assert.True(exitCode == 0, process.Output + process.Error);
        using var facts = JsonDocument.Parse(await File.ReadAllTextAsync(json, token));
        File.Delete(json);
        var story = facts.RootElement.EnumerateArray().Single(s => s.GetProperty("name").GetString() == "compensation-dead-lettered");
        Assert.Single(Delays(story, "refund_transaction"));
    }

    private static List<double> Delays(JsonElement story, string action) =>
    [
        .. story.GetProperty("tries").EnumerateArray()
            .Where(call => call.GetProperty("action").GetString() == action && call.GetProperty("delaySeconds").ValueKind == JsonValueKind.Number)
            .Select(call => call.GetProperty("delaySeconds").GetDouble()),
    ];

    private static IEnumerable<int> Statuses(JsonElement story) => story.GetProperty("requests").EnumerateArray().Select(r => r.GetProperty("status").GetInt32());

    private static IEnumerable<string> Strings(JsonElement story, string property) => story.GetProperty(property).EnumerateArray().Select(e => e.GetString()!);
}
