namespace Topology.Saga.Internal;

internal sealed record SagaCompensationRegistration(string Name, Type Type, Type? ResultType, Func<IServiceProvider, ISagaCompensation> Resolve)
{
    /// <summary>Makes one try.</summary>
    public Func<SagaTry, CancellationToken, ValueTask<SagaValue?>> Effect => field ??= RunAsync;

    private ValueTask<SagaValue?> RunAsync(SagaTry @try, CancellationToken cancellationToken) =>
        @try.EndAsync(Resolve(@try.Services).CompensateAsync(new SagaCompensationContext(@try), cancellationToken));
}
