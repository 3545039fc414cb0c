using Microsoft.Extensions.DependencyInjection;
using Topology.Saga.JetStream;

namespace Topology.Saga.ChaosWorker;

/// <summary>Sagas of one step, at which one kind of process stands for ever: what it leaves when it is killed, others take over.</summary>
public static class Errands
{
    /// <summary>Registers the definition and the store.</summary>
    /// <param name="services">The services.</param>
    /// <param name="lease">The time after which a silent owner is taken for gone.</param>
    /// <param name="isStuck">Whether no step ever returns here; such a process takes as many sagas as there are.</param>
    /// <returns>The definition.</returns>
    public static SagaDefinition<int> AddErrands(this IServiceCollection services, TimeSpan lease, bool isStuck)
    {
        var definition = SagaDefinition.Create<int>("errand")
            .Step("run", async (_, token) => await Task.Delay(isStuck ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, token), new() { Timeout = TimeSpan.FromHours(1) })
            .Build();
        services.AddJetStreamSagaStore(options => (options.Provision, options.AckWait) = (SagaProvisioning.Create, lease));
        services.Configure<SagaOptions>(options => options.MaxConcurrentSagas = isStuck ? 100_000 : 256);
        services.AddSaga(definition);
        return definition;
    }
}
