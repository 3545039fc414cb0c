namespace Platform.RouterService;

/// <summary>The agents there are. Replace it by what you run.</summary>
internal sealed class AgentTable(TimeProvider time)
{
    public IReadOnlyList<Agent> Agents { get; } =
    [
        new("generalist", "large-1", costPer1K: 0.0100, latency: 900, time),
        new("generalist", "small-2", costPer1K: 0.0006, latency: 250, time),
        new("cashier", "small-2", costPer1K: 0.0004, latency: 200, time, "payment_authorization", "refund_transaction"),
        new("storekeeper", "small-2", costPer1K: 0.0004, latency: 200, time, "inventory_reservation", "restore_inventory"),
        new("writer", "medium-1", costPer1K: 0.0012, latency: 150, time, "email_notification", "send_cancellation_email"),
    ];
}
