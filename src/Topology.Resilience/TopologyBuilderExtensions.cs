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
    /// <summary>Keeps in this process what <see cref="UseRedis"/> and <see cref="UseNats"/> do not keep; it ends with the process.</summary>
    /// <param name="builder">The builder.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// Named in code it holds in every environment and beats the file and the connection strings. Right for development, tests, and a
    /// single process whose work may be lost with it.
    /// </remarks>
    public static ITopologyBuilder UseInMemory(this ITopologyBuilder builder) => builder.Use(TopologyStore.Memory);

    /// <summary>Keeps idempotency keys in Redis 7.0 or later.</summary>
    /// <param name="builder">The builder.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// The registered <c>IConnectionMultiplexer</c> is used and never disposed here; without one a connection is made from
    /// <c>ConnectionStrings:redis</c> and shared through the container. Starting never waits for the server: the check
    /// <c>topology.idempotency.redis</c> makes the process ready when the server answers. Without this call Redis is used when there is a
    /// connection for it, the file does not say <c>idempotency.storage: memory</c>, and <see cref="UseInMemory"/> is not called.
    /// </remarks>
    public static ITopologyBuilder UseRedis(this ITopologyBuilder builder) => builder.Use(TopologyStore.Redis);

    /// <summary>Keeps sagas and dead letters on NATS JetStream, server 2.9 or later.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options, which are also the block <c>nats</c> of the file.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// The registered <c>INatsConnection</c> is used and never disposed here; without one a connection is made from
    /// <c>ConnectionStrings:nats</c> and shared through the container. Starting never waits for the server: the checks
    /// <c>topology.dlq.nats</c> and <c>topology.saga.nats</c> tell when it answers and holds what is needed. Without this call NATS is used
    /// when there is a connection for it and <see cref="UseInMemory"/> is not called.
    /// </remarks>
    public static ITopologyBuilder UseNats(this ITopologyBuilder builder, Action<TopologyNatsOptions>? configure = null)
    {
        builder.Use(TopologyStore.Nats);
        if (configure is not null)
        {
            builder.Services.Configure(configure);
        }

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
    /// queue with a consumer is processed by what <see cref="AddAgentRunProcessor"/>, <see cref="AddToolCallHandler"/> or
    /// <c>AddDeadLetterProcessor</c> registers for it.
    /// </remarks>
    public static ITopologyBuilder AddDeadLetterProcessors(this ITopologyBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure<DeadLetterOptions>(static options => options.ProcessLetters = true);
        builder.Registrations().QueueProcessors.Add(DeadLetterQueueNames.WorkflowCompensation);
        return builder;
    }

    /// <summary>Runs the processor of <c>agent.run.dlq</c>: a letter is recorded, its run is cancelled and compensated, people are told.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="definition">The saga definition that runs follow. Also register it with <see cref="AddSaga"/>.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// The letter's workflow id names the run. A run that never began, or has ended, is left alone. Start runs with
    /// <see cref="SagaRunExtensions.StartRunAsync"/>, so that a redriven message begins a compensated run anew.
    /// </remarks>
    /// <exception cref="ArgumentException">Runs follow another definition already.</exception>
    public static ITopologyBuilder AddAgentRunProcessor(this ITopologyBuilder builder, SagaDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(definition);
        builder.Services.TryAddSingleton(new RunDefinition(definition.Name));
        var runs = (RunDefinition)builder.Services.First(service => service.ServiceType == typeof(RunDefinition)).ImplementationInstance!;
        if (runs.Name != definition.Name)
        {
            throw new ArgumentException($"The runs of {DeadLetterQueueNames.AgentRun} follow the saga '{runs.Name}' already.", nameof(definition));
        }

        builder.Services.AddDeadLetterStep<CancelRunStep>(DeadLetterQueueNames.AgentRun);
        return builder.Process(DeadLetterQueueNames.AgentRun);
    }

    /// <summary>Makes failed tool calls again: the processor of <c>tool.call.dlq</c>, and where its letters go when they are redriven.</summary>
    /// <typeparam name="THandler">The handler; created by the container for each call, in a scope of its own.</typeparam>
    /// <param name="builder">The builder.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// Call n is made after the wait n of the retry profile <c>tool_calls</c>; the fifth failure parks the letter. Calls run under an
    /// idempotency record that lives as long as the letter: one that succeeded is not made again, by no try and no redrive.
    /// </remarks>
    public static ITopologyBuilder AddToolCallHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this ITopologyBuilder builder)
        where THandler : class, IToolCallHandler
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddScoped<THandler>();
        builder.Services.AddToolCallHandler<ToolCalls<THandler>>();
        builder.Services.AddRedriveTarget<ToolCallRedriveTarget<THandler>>(DeadLetterQueueNames.ToolCall);
        return builder.Process(DeadLetterQueueNames.ToolCall);
    }

    private static ITopologyBuilder Process(this ITopologyBuilder builder, string queue)
    {
        builder.AddDeadLetterProcessors();
        builder.Registrations().QueueProcessors.Add(queue);
        return builder;
    }

    private static ITopologyBuilder Use(this ITopologyBuilder builder, string store)
    {
        ArgumentNullException.ThrowIfNull(builder);
        TopologyStores.Of(builder).Name(store);
        return builder;
    }
}
