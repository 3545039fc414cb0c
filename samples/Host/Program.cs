using System.Text.Json.Serialization;
using OpenTelemetry.Metrics;
using Topology.Saga;

var builder = WebApplication.CreateBuilder(args);
builder.AddTopologyResilience()                         // topology.yaml
    .UseInMemory()                                      // or .UseRedis().UseNats()
    .AddSaga(Orders.Definition)
    .AddCompensation<Refund>("refund_transaction")
    .AddDeadLetterProcessors();
builder.Services.AddTopologyIdempotencyHttp(http => http.AllowAnonymous = true);
builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddTopologyInstrumentation().AddPrometheusExporter());

var app = builder.Build();
app.UseTopologyIdempotency();
app.MapTopologyHealth();
app.MapPrometheusScrapingEndpoint();
app.MapPost("/orders", async (Order order, ISagaClient sagas) =>
    Results.Accepted($"/orders/{(await sagas.StartAsync(Orders.Definition, order.Id, order)).Value}")).RequireIdempotency();
app.MapGet("/orders/{id}", async (string id, ISagaClient sagas) =>
    await sagas.GetAsync(new SagaId("orders", id)) is { } saga ? Results.Ok($"{saga.Status}") : Results.NotFound());
app.Run();

static class Orders
{
    public static SagaDefinition<Order> Definition { get; } = SagaDefinition.Create<Order>("orders", OrderJson.Default)
        .Step("pay", (context, cancellationToken) => ValueTask.FromResult($"payment of {context.Input.Amount}"))
        .Step("ship", (context, cancellationToken) => context.Input.Amount < 1000
            ? ValueTask.FromResult("parcel")
            : throw new SagaRejectedException("too dear to ship")) // refused: what was paid is refunded
        .Build();
}

record Order(string Id, decimal Amount);

class Refund(ILogger<Refund> logger) : ISagaCompensation<string>
{
    public ValueTask CompensateAsync(SagaCompensationContext<string> context, CancellationToken cancellationToken)
    {
        logger.LogInformation("{Key}: the {Payment} is refunded", context.IdempotencyKey, context.Result);
        return default;
    }
}

[JsonSerializable(typeof(Order)), JsonSerializable(typeof(string))]
partial class OrderJson : JsonSerializerContext;
