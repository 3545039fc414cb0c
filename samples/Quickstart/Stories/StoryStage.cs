using Quickstart.Shop;
using Topology.Retry;
using Topology.Saga;

namespace Quickstart.Stories;

/// <summary>What stories play on: the running host over HTTP, the shop's systems behind it, and the settings in force.</summary>
internal sealed record StoryStage(
    HttpClient Http, ShopSystems Shop, Account Account, RetryProfileOptions DefaultProfile, RetryProfileOptions ToolCalls, SagaCompensationTableOptions Table)
{
    public const string CompensationQueue = "workflow.compensation.dlq";

    /// <summary>How often an action of the compensation table is tried in all.</summary>
    public int Tries(string action) => 1 + (Table.Steps.FirstOrDefault(step => step.CompensationAction.Type == action)?.CompensationAction.RetryCount ?? 0);
}
