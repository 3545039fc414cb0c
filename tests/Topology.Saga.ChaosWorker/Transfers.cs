using Microsoft.Extensions.DependencyInjection;
using Topology.Retry;
using Topology.Saga.JetStream;

namespace Topology.Saga.ChaosWorker;

/// <summary>Moves money from one account to another in two bookings with a pause between them; every fifth is refused at its end.</summary>
public static class Transfers
{
    /// <summary>The bookings of a transfer that went through: both or none.</summary>
    public static readonly string[] Bookings = ["debit", "credit"];

    private static readonly SagaStepOptions _quick = new() { Timeout = TimeSpan.FromSeconds(2), MaxAttempts = 3 };

    /// <summary>The definition.</summary>
    public static SagaDefinition<int> Definition { get; } = SagaDefinition.Create<int>("transfer")
        .Step("debit", static (context, token) => BookAsync(context, "debit", token), _quick)
        .Delay("cool_off", TimeSpan.FromMilliseconds(100))
        .Step("credit", static (context, token) => BookAsync(context, "credit", token), _quick)
        .Step(
            "check",
            static (context, _) => context.Input % 5 == 0 ? throw new SagaRejectedException("not allowed") : default,
            _quick)
        .Build();

    /// <summary>Registers the definition, its compensations and the store.</summary>
    public static IServiceCollection AddTransfers(this IServiceCollection services)
    {
        services.AddJetStreamSagaStore(options => (options.Provision, options.AckWait) = (SagaProvisioning.Create, TimeSpan.FromSeconds(2)));
        services.AddSaga(Definition).AddSagaCompensation<UndoBooking>("undo");
        services.Configure<RetryProfileOptions>(RetryProfileNames.Default, profile => (profile.BaseDelay, profile.MaxDelay) = (TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500)));

        // Whoever kills owners all the time must not be surprised that sagas lose theirs.
        services.Configure<SagaOptions>(saga => saga.MaxTakeovers = 1_000);
        services.Configure<SagaCompensationTableOptions>(Definition.Name, table =>
        {
            foreach (var booking in Bookings)
            {
                table.Steps.Add(new() { StepId = booking, CompensationAction = new() { Type = "undo", Timeout = TimeSpan.FromSeconds(2), RetryCount = 20 } });
            }
        });
        return services;
    }

    private static async ValueTask BookAsync(SagaStepContext<int> context, string booking, CancellationToken cancellationToken)
    {
        // Time to be killed or stopped in, before and after.
        await Task.Delay(context.Input % 7, cancellationToken);
        await context.Services.GetRequiredService<Bank>().DoAsync(context.SagaId.Value, booking, context.FencingToken, cancellationToken);
        await Task.Delay(context.Input % 11, cancellationToken);
    }

    private sealed class UndoBooking(Bank bank) : ISagaCompensation
    {
        public async ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken) =>
            await bank.UndoAsync(context.SagaId.Value, context.StepId, context.FencingToken, cancellationToken);
    }
}
