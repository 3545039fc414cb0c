namespace Topology.Dlq.Internal;

/// <summary>The processor of a queue. With a delay profile a letter's first try waits too, as a call that has just failed would.</summary>
internal sealed record DeadLetterProcessorRegistration(
    string Queue, Type Type, Func<IServiceProvider, IDeadLetterProcessor> Create, string? FirstDelayProfile = null);
