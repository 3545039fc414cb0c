namespace Platform.RouterService;

/// <summary>The agents there are. Replace it by what you run.</summary>
internal sealed class AgentTable
{
    public IReadOnlyList<Agent> Agents { get; } =
    [
        new("generalist", "large-1", costPer1K: 0.0100, latency: 900),
        new("generalist", "small-2", costPer1K: 0.0006, latency: 250),
        new("cashier", "small-2", costPer1K: 0.0004, latency: 200, "payment_authorization", "refund_transaction"),
        new("storekeeper", "small-2", costPer1K: 0.0004, latency: 200, "inventory_reservation", "restore_inventory"),
        new("writer", "medium-1", costPer1K: 0.0020, latency: 400, "email_notification", "send_cancellation_email"),
    ];
}
