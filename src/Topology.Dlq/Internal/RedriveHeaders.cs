namespace Topology.Dlq.Internal;

/// <summary>What a redriven message carries besides what it carried before.</summary>
internal static class RedriveHeaders
{
    public const string Id = "Dlq-Redrive-Id";
    public const string Count = "Dlq-Redrive-Count";
    public const string Consumer = "Dlq-Target-Consumer";
}
