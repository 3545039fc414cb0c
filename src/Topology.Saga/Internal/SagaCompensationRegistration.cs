namespace Topology.Saga.Internal;

internal sealed record SagaCompensationRegistration(
    string Name, Type Type, Type? ResultType, Func<IServiceProvider, ISagaCompensation> Resolve);
