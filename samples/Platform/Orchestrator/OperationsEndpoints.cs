using Platform.ServiceDefaults;
using Topology.Dlq;

namespace Platform.Orchestrator;

/// <summary>What an operator does with dead letters. On the management port alone, when there is one: nobody is asked who they are.</summary>
internal static class OperationsEndpoints
{
    public static void MapOperations(this WebApplication app)
    {
        var port = app.Configuration.GetValue<int?>(PlatformNames.ManagementPortKey);
        var operations = app.MapGroup("/ops/dead-letters/{queue}").AddEndpointFilter(async (call, next) =>
            port is null || call.HttpContext.Connection.LocalPort == port ? await next(call) : Results.NotFound());
        operations.MapGet("", ListAsync);
        operations.MapPost("{id}/redrive", RedriveAsync);
    }

    private static async Task<IResult> ListAsync(string queue, string? workflow, IDeadLetterStore letters, CancellationToken cancellationToken)
    {
        var found = new List<object>();
        await foreach (var letter in letters.QueryAsync(new DeadLetterQuery(queue) { WorkflowId = workflow }, cancellationToken))
        {
            found.Add(new
            {
                letter.Id,
                letter.Subject,
                letter.Tenant,
                letter.Reason,
                letter.WorkflowId,
                letter.ErrorType,
                letter.Attempts,
                letter.RedriveCount,
                Status = letter.Status.ToString(),
                letter.Source,
            });
        }

        return Results.Ok(found);
    }

    private static async Task<IResult> RedriveAsync(string queue, string id, IDeadLetterRedrive redrive, CancellationToken cancellationToken) =>
        Results.Ok(await redrive.RunAsync(new RedriveRequest(new DeadLetterQuery(queue) { Id = id }), cancellationToken: cancellationToken));
}
