using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Topology.Saga.Tests;

/// <summary>The code of the package's README; it runs here.</summary>
public sealed class ReadmeExamples
{
    [Fact]
    public async Task The_example_of_the_readme_runs()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var services = builder.Services;

        #region use
        var trip = SagaDefinition.Create<Trip>("book_trip")
            .Step("flight", static (context, token) => Airline.BookAsync(context.Input.To, context.IdempotencyKey, token))
            .Step("hotel", static (context, token) => Hotel.BookAsync(context.Input.To, context.Result<Flight>("flight"), token))
            .Build();

        services.AddTopologySaga().AddInMemorySagaStore();
        services.AddSaga(trip).AddSagaCompensation<CancelFlight>("cancel_flight");
        services.Configure<SagaCompensationTableOptions>("book_trip", table => table.Steps.Add(new()
        {
            StepId = "flight",
            CompensationAction = new() { Type = "cancel_flight", Timeout = TimeSpan.FromSeconds(30), RetryCount = 3 },
        }));
        #endregion

        using var host = builder.Build();
        await host.StartAsync(cancellationToken);
        var sagas = host.Services.GetRequiredService<ISagaClient>();

        #region run
        var id = await sagas.StartAsync(trip, "trip-7", new Trip("Lisbon"), cancellationToken: cancellationToken);
        var saga = await sagas.WaitAsync(id, cancellationToken);
        #endregion

        Assert.Equal(SagaStatus.Compensated, saga.Status);
        Assert.Equal(["flight"], saga.Compensated);
        await host.StopAsync(cancellationToken);
    }

    private sealed record Trip(string To);

    private sealed record Flight(string Ticket);

    #region undo
    private sealed class CancelFlight : ISagaCompensation<Flight>
    {
        public ValueTask CompensateAsync(SagaCompensationContext<Flight> context, CancellationToken cancellationToken) =>
            Airline.CancelAsync(context.Result?.Ticket, context.OutcomeUnknown, context.IdempotencyKey, cancellationToken);
    }
    #endregion

    private static class Airline
    {
        public static ValueTask<Flight> BookAsync(string to, string key, CancellationToken token) => ValueTask.FromResult(new Flight($"{to}-1"));

        public static ValueTask CancelAsync(string? ticket, bool unknown, string key, CancellationToken token) => default;
    }

    private static class Hotel
    {
        public static ValueTask<string> BookAsync(string to, Flight flight, CancellationToken token) => throw new SagaRejectedException("fully booked");
    }
}
