namespace Topology.Resilience.Internal.Configuration;

/// <summary>Where the file asks idempotency records to be kept.</summary>
internal enum IdempotencyStorage
{
    Redis,
    Memory,
}
