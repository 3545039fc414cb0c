namespace Topology.Dlq.Internal;

internal sealed record DeadLetterProcessorRegistration(string Queue, Type Type, Func<IServiceProvider, IDeadLetterProcessor> Create);
