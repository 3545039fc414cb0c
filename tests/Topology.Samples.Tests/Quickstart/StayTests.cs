using System.Globalization;
using System.Net;

namespace Topology.Samples.Tests.Quickstart;

public sealed class StayTests
{
    [Fact]
    public async Task Stay_keeps_the_host_up_with_its_probes_and_the_stories_counts_in_its_metrics()
    {
        var token = TestContext.Current.CancellationToken;
        await using var process = QuickstartProcess.Start("--stay");
        using var http = new HttpClient { BaseAddress = await process.StayAddressAsync(token) };
        Assert.StartsWith("quickstart: 6 of 6 stories ok", process.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/live", token)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/ready", token)).StatusCode);

        var metrics = await http.GetStringAsync("/metrics", token);
        foreach (var (name, type) in new[]
        {
            ("retry_total", "counter"), ("idempotency_hits_total", "counter"), ("saga_compensations_total", "counter"), ("dlq_messages_total", "counter"), ("queue_depth", "gauge"),
        })
        {
            Assert.Contains($"# TYPE {name} {type}\n", metrics, StringComparison.Ordinal);
        }

        // The flaky tool: two retries. The duplicate: one hit. Three orders undone: 3 + 2 + 2 succeed and one refund after its redrive;
        // two refunds are exhausted, each a letter.
        Assert.Equal(2, Sum(metrics, "retry_total", "profile=\"tool_calls\""));
        Assert.Equal(1, Sum(metrics, "idempotency_hits_total", ""));
        Assert.Equal(8, Sum(metrics, "saga_compensations_total", "outcome=\"succeeded\""));
        Assert.Equal(2, Sum(metrics, "saga_compensations_total", "outcome=\"exhausted\""));
        Assert.Equal(2, Sum(metrics, "dlq_messages_total", "queue=\"workflow.compensation.dlq\""));
    }

    private static double Sum(string metrics, string name, string label) => metrics.Split('\n')
        .Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
}
