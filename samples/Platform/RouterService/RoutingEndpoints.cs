using System.Diagnostics;
using Platform.ServiceDefaults.Messages;
using Topology.Retry;

namespace Platform.RouterService;

/// <summary>Decisions, and the calls of tools that follow from them.</summary>
internal static class RoutingEndpoints
{
    public static void MapRouting(this WebApplication app)
    {
        app.MapGet("/agents", (AgentTable table) => table.Agents.Select(agent => new { agent.Name, agent.Model, agent.Score, agent.Failures }));
        app.MapPost("/decide", (DecisionRequest request, AgentRouter router) =>
        {
            var agent = router.Decide(request.Task);
            return new Decision(agent.Name, agent.Model);
        });
        app.MapPost("/tools/{tool}", CallAsync);
    }

    /// <summary>Calls a tool by the profile <c>tool_calls</c>. 422 is a refusal, for certain; 424 that it did not answer, and nobody knows.</summary>
    private static async Task<IResult> CallAsync(
        string tool, ToolCall call, HttpRequest request, AgentRouter router, IRetryPolicies policies, Sandbox sandbox, CancellationToken cancellationToken)
    {
        if (request.Headers["Idempotency-Key"] is not [{ Length: > 0 } key])
        {
            return Results.Problem("Idempotency-Key is missing", statusCode: StatusCodes.Status400BadRequest);
        }

        var agent = router.Decide(tool);
        var outcome = await policies.Get(RetryProfileNames.ToolCalls).TryExecuteAsync(
            async token =>
            {
                var started = Stopwatch.GetTimestamp();
                var answered = false;
                try
                {
                    var value = await sandbox.CallAsync(tool, key, call, token);
                    answered = true;
                    return value;
                }
                catch (ToolRefusedException)
                {
                    answered = true; // a refusal is an answer: the agent did nothing wrong
                    throw;
                }
                finally
                {
                    agent.Record(Stopwatch.GetElapsedTime(started), failed: !answered);
                }
            },
            cancellationToken);
        return outcome switch
        {
            { Succeeded: true } => Results.Json(new ToolResult(outcome.Value!, agent.Name), PlatformJson.Default.ToolResult),
            { Error: ToolRefusedException refused } => Results.Problem(refused.Message, statusCode: StatusCodes.Status422UnprocessableEntity),
            _ => Results.Problem("the tool did not answer", statusCode: StatusCodes.Status424FailedDependency),
        };
    }
}
