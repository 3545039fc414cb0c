namespace Topology.Rules.Tests;

/// <summary>Every line of the specification is somewhere, and docs/topology.md says where.</summary>
public sealed class SpecificationCoverageTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(Repository.Root, "docs/topology.md"));
    private static readonly string Specification = File.ReadAllText(Path.Combine(Repository.Root, "tests/Topology.Resilience.Tests/TestData/runtime-topology.md"));

    [Fact]
    public void Every_line_of_the_specifications_blocks_has_one_row_and_all_that_a_row_names_exists() =>
        Repository.AssertNone(SpecificationCoverage.Faults(Document, Specification));

    [Theory]
    [InlineData("| 34–36 |", "| 34–35 |", "line 36, session_affinity: \"ClientIP\": 0 rows")]
    [InlineData("| 38 |", "| 37 |", "line 37, backpressure_handling: \"drop_intermediate\": 2 rows")]
    [InlineData("`max_deliver: 3`", "`max_deliver: 4`", "Dead-letter queues, line 166: the specification says max_deliver: 3")]
    [InlineData("`RetryProfileOptions.BaseDelay`", "`RetryProfileOptions.FirstDelay`", "Retry profiles, line 216: there is no RetryProfileOptions.FirstDelay")]
    [InlineData("`DelayRule`", "`DelayRules`", "Retry loop, line 274: there is no DelayRules")]
    [InlineData("| `DelayRule` |", "| |", "Retry loop, line 274: names no code or no test")]
    [InlineData("Everything_else_is_percent_encoded", "Nothing_is_encoded", "Idempotency key, line 300: there is no test IdempotencyKeyTests.Nothing_is_encoded")]
    [InlineData("| O5 |", "| O9 |", "Saga orchestration, line 344: there is no test O9, which no list explains")]
    [InlineData("`retry.stopped`", "`retry.ended`", "Retry loop, line 263: there is no instrument retry.ended")]
    [InlineData("`lagThreshold: \"10\"`", "`lagThreshold: \"11\"`", "KEDA scaling, line 55: samples/deploy/components/keda/orchestrator.yaml does not say lagThreshold: \"11\"")]
    [InlineData("`deploy/components/keda/ingestion.yaml`", "`deploy/components/keda/ingester.yaml`", "KEDA scaling, line 65: there is no samples/deploy/components/keda/ingester.yaml")]
    public void A_row_that_is_wrong_is_found(string what, string with, string fault)
    {
        var at = Document.IndexOf(what, StringComparison.Ordinal);
        Assert.True(at >= 0, $"docs/topology.md does not hold {what}.");
        Assert.Contains(fault, SpecificationCoverage.Faults(Document[..at] + with + Document[(at + what.Length)..], Specification));
    }
}
