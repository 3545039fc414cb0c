using System.Collections.Concurrent;
using MassTransit;
using MassTransit.Courier.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Topology.Benchmarks.Saga;

/// <summary>The rival: routing slips of MassTransit Courier on its transport in memory, the same four steps.</summary>
internal sealed class CourierSagas : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly IBusControl _bus;
    private readonly Ends _ends;
    private readonly Uri _step;

    private CourierSagas(ServiceProvider services)
    {
        _services = services;
        _bus = services.GetRequiredService<IBusControl>();
        _ends = services.GetRequiredService<Ends>();
        _step = new Uri($"queue:{DefaultEndpointNameFormatter.Instance.ExecuteActivity<Step, StepArguments>()}");
    }

    public static async Task<CourierSagas> StartAsync(int atATime)
    {
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance).AddSingleton<Ends>();
        services.AddMassTransit(configurator =>
        {
            configurator.DisableUsageTelemetry();
            configurator.AddActivity<Step, StepArguments, StepLog>();
            configurator.AddConsumer<EndConsumer>();
            configurator.UsingInMemory((context, transport) =>
            {
                transport.ConcurrentMessageLimit = atATime;
                transport.ConfigureEndpoints(context);
            });
        });
        var courier = new CourierSagas(services.BuildServiceProvider());
        await courier._bus.StartAsync();
        return courier;
    }

    /// <summary>Sends one routing slip and waits for its end.</summary>
    public async ValueTask RunAsync(int number, bool fails)
    {
        var builder = new RoutingSlipBuilder(NewId.NextGuid());
        for (var step = 1; step <= SagaWork.Steps; step++)
        {
            builder.AddActivity($"step{step}", _step, new { Number = number, Refuses = fails && step == SagaWork.Steps });
        }

        var slip = builder.Build();
        var end = _ends.Expect(slip.TrackingNumber);
        await _bus.Execute(slip);
        if (await end == fails)
        {
            throw new InvalidOperationException("A routing slip ended otherwise than it should.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _bus.StopAsync();
        await _services.DisposeAsync();
    }

    public sealed record StepArguments
    {
        public int Number { get; init; }

        public bool Refuses { get; init; }
    }

    public sealed record StepLog
    {
        public int Result { get; init; }
    }

    public sealed class Step : IActivity<StepArguments, StepLog>
    {
        public async Task<ExecutionResult> Execute(ExecuteContext<StepArguments> context)
        {
            var result = await SagaWork.DoAsync(context.Arguments.Number);
            return context.Arguments.Refuses ? context.Faulted(new InvalidOperationException("refused")) : context.Completed<StepLog>(new { Result = result });
        }

        public async Task<CompensationResult> Compensate(CompensateContext<StepLog> context)
        {
            await SagaWork.DoAsync(context.Log.Result);
            return context.Compensated();
        }
    }

    /// <summary>Tells whoever sent a slip how it ended: true when it completed.</summary>
    public sealed class Ends
    {
        private readonly ConcurrentDictionary<Guid, TaskCompletionSource<bool>> _waiting = new();

        public Task<bool> Expect(Guid slip) => (_waiting[slip] = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

        public void Tell(Guid slip, bool completed)
        {
            if (_waiting.TryRemove(slip, out var end))
            {
                end.SetResult(completed);
            }
        }
    }

    public sealed class EndConsumer(Ends ends) : IConsumer<RoutingSlipCompleted>, IConsumer<RoutingSlipFaulted>
    {
        public Task Consume(ConsumeContext<RoutingSlipCompleted> context)
        {
            ends.Tell(context.Message.TrackingNumber, true);
            return Task.CompletedTask;
        }

        public Task Consume(ConsumeContext<RoutingSlipFaulted> context)
        {
            ends.Tell(context.Message.TrackingNumber, false);
            return Task.CompletedTask;
        }
    }
}
