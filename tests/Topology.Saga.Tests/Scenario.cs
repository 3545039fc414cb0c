using System.Text.Json;
using System.Text.Json.Serialization;

namespace Topology.Saga.Tests;

/// <summary>One entry of saga_scenarios.json: scripts whose last entry repeats, and what must come of them.</summary>
internal sealed record Scenario(string Name, IReadOnlyList<ScenarioStep> Steps, ScenarioExpectation Expect)
{
    public static IReadOnlyList<Scenario> All { get; } = Read();

    private static List<Scenario> Read()
    {
        using var stream = typeof(Scenario).Assembly.GetManifestResourceStream("saga_scenarios.json")!;
        var options = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.GetProperty("scenarios").Deserialize<List<Scenario>>(options)!;
    }
}

internal sealed record ScenarioStep(
    string Id, string Kind, IReadOnlyList<string> Attempts, int MaxAttempts, ScenarioCompensation? Compensation);

internal sealed record ScenarioCompensation(int RetryCount, IReadOnlyList<string> Outcomes, string OnFailure);

internal sealed record ScenarioExpectation(
    IReadOnlyList<string> Trace, string Status, string? Failed, IReadOnlyList<string> Dlq, IReadOnlyList<string> Compensated);
