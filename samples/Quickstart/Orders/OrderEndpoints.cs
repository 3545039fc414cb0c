using Quickstart.Shop;
using Topology.Dlq;
using Topology.Retry;
using Topology.Saga;

namespace Quickstart.Orders;

/// <summary>The HTTP interface: orders, tools, and what an operator does with dead letters.</summary>
internal static class OrderEndpoints
{
    public static void MapOrders(this IEndpointRouteBuilder app)
    {
        app.MapPost("/api/v1/orders", StartOrderAsync).RequireIdempotency();
        app.MapGet("/api/v1/orders/{id}", GetOrderAsync);
        app.MapPost("/api/v1/tools/{tool}", CallToolAsync);
        app.MapGet("/api/v1/dead-letters/{queue}", ListLettersAsync);
        app.MapPost("/api/v1/dead-letters/{queue}/{id}/redrive", RedriveAsync);
    }

    private static async Task<IResult> StartOrderAsync(Order order, ISagaClient sagas, ShopSystems shop, CancellationToken cancellationToken)
    {
        await shop.DoAsync(order.Id, "order_handler", Guid.NewGuid().ToString(), order.Customer, _ => "accepted");
        var saga = await sagas.StartAsync(OrderSaga.Definition, order.Id, order, cancellationToken: cancellationToken);
        return Results.Accepted($"/api/v1/orders/{order.Id}", new { saga = saga.ToString() });
    }

    private static async Task<IResult> GetOrderAsync(string id, ISagaClient sagas, CancellationToken cancellationToken) =>
        await sagas.GetAsync(new SagaId(OrderSaga.Definition.Name, id), cancellationToken) is { } saga
            ? Results.Ok(new
            {
                status = saga.Status.ToString(),
                settled = saga.IsSettled,
                failed = saga.Failure?.StepId,
                compensated = saga.Compensated,
                steps = saga.Steps.Select(step => new { id = step.StepId, status = step.Status.ToString(), letter = step.LetterId }),
            })
            : Results.NotFound();

    private static async Task<IResult> CallToolAsync(
        string tool, string about, IRetryPolicies policies, ShopSystems shop, CancellationToken cancellationToken)
    {
        var call = Guid.NewGuid().ToString();
        var outcome = await policies.Get(RetryProfileNames.ToolCalls).TryExecuteAsync(
            _ => shop.DoAsync(about, tool, call, about, number => $"answer-{number}"), cancellationToken);
        return outcome.Succeeded
            ? Results.Ok(new { answer = outcome.Value, attempts = outcome.Attempts })
            : Results.Json(new { error = outcome.Error!.Message, attempts = outcome.Attempts }, statusCode: StatusCodes.Status502BadGateway);
    }

    private static async Task<IResult> ListLettersAsync(string queue, string? workflow, IDeadLetterStore letters, CancellationToken cancellationToken)
    {
        var query = new DeadLetterQuery(queue) { WorkflowId = workflow };
        var found = new List<object>();
        await foreach (var letter in letters.QueryAsync(query, cancellationToken))
        {
            found.Add(new
            {
                id = letter.Id,
                reason = letter.Reason,
                workflow = letter.WorkflowId,
                action = letter.FindHeader("Saga-Action"),
                error = letter.ErrorType,
                message = letter.ErrorMessage,
                attempts = letter.Attempts,
            });
        }

        return Results.Ok(found);
    }

    private static async Task<IResult> RedriveAsync(string queue, string id, IDeadLetterRedrive redrive, CancellationToken cancellationToken)
    {
        var request = new RedriveRequest(new DeadLetterQuery(queue) { Id = id });
        var result = await redrive.RunAsync(request, cancellationToken: cancellationToken);
        return Results.Ok(new { redriven = result.Redriven, failed = result.Failed });
    }
}
