namespace Topology.Dlq.Internal;

internal sealed record GuardedConsumerRegistration(string Name, Type Handler);
