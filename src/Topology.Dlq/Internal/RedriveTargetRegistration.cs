namespace Topology.Dlq.Internal;

internal sealed record RedriveTargetRegistration(string Queue, Type Type, Func<IServiceProvider, IRedriveTarget> Get);
