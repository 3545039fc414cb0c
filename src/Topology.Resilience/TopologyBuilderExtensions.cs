using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Topology.Dlq;
using Topology.Resilience;
using Topology.Resilience.Internal;
using Topology.Saga;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>What a process can register.</summary>
public static class TopologyBuilderExtensions
{
    /// <summary>Keeps keys, sagas and dead letters in this process; they end with it.</summary>
    /// <param name="builder">The builder.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// Named in code it holds in every environment and beats the file. Right for development, tests, and a single process whose work may be
    /// lost with it.
    /// </remarks>
    public static ITopologyBuilder UseInMemory(this ITopologyBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton<TopologyStore>(TopologyStore.InMemory);
        return builder;
    }

    /// <summary>Registers a definition: this process runs its sagas.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="definition">The definition. Its compensations are those under <c>saga_compensations</c> and its name.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static ITopologyBuilder AddSaga(this ITopologyBuilder builder, SagaDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(definition);
        builder.Services.AddSaga(definition);
        builder.Registrations().Sagas[definition.Name] = definition.StepIds;
        return builder;
    }

    /// <summary>Registers an action of compensation tables.</summary>
    /// <typeparam name="TCompensation">The class; made anew for each try, with its dependencies from the container.</typeparam>
    /// <param name="builder">The builder.</param>
    /// <param name="name">The <c>compensation_action.type</c> that tables use, such as <c>refund_transaction</c>.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static ITopologyBuilder AddCompensation<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TCompensation>(
        this ITopologyBuilder builder, string name)
        where TCompensation : class, ISagaCompensation
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSagaCompensation<TCompensation>(name);
        builder.Registrations().CompensationActions.Add(name);
        return builder;
    }

    /// <summary>Runs the processors of dead-letter queues in this process.</summary>
    /// <param name="builder">The builder.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// A letter of <c>workflow.compensation.dlq</c> is told to every <see cref="IDeadLetterAlertSink"/> and then waits for a person. A
    /// queue with a consumer is processed by what <c>AddDeadLetterProcessor</c> registers for it.
    /// </remarks>
    public static ITopologyBuilder AddDeadLetterProcessors(this ITopologyBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure<DeadLetterOptions>(static options => options.ProcessLetters = true);
        builder.Registrations().QueueProcessors.Add(DeadLetterQueueNames.WorkflowCompensation);
        return builder;
    }
}
