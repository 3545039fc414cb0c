using System.Runtime.CompilerServices;

namespace Topology.Saga.Internal;

internal sealed record SagaCompensationRegistration(string Name, Type Type, Type? ResultType, Func<IServiceProvider, ISagaCompensation> Resolve)
{
    /// <summary>Makes one try; never throws.</summary>
    public Func<SagaTry, CancellationToken, ValueTask<SagaValue?>> Effect => field ??= RunAsync;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SagaValue?> RunAsync(SagaTry @try, CancellationToken cancellationToken)
    {
        try
        {
            await Resolve(@try.Services).CompensateAsync(new SagaCompensationContext(@try), cancellationToken).ConfigureAwait(false);
            return SagaValue.None;
        }
        catch (Exception error)
        {
            @try.Failed = error;
            return null;
        }
    }
}
