using System.Security.Cryptography;
using System.Text;
using NATS.Client.Core;
using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;
using Topology.Idempotency;

namespace Platform.ApiGateway;

/// <summary>The HTTP interface of runs.</summary>
internal static class RunEndpoints
{
    private const string Operation = "start_run";

    public static void MapRuns(this WebApplication app)
    {
        var runs = app.MapGroup("/api/v1/runs").RequireRateLimiting(Tenants.Limit);
        runs.MapPost("", StartAsync).RequireIdempotency(endpoint => endpoint with { Operation = Operation });
        runs.MapGet("{id}", GetAsync);
    }

    private static async Task<IResult> StartAsync(
        Order order, HttpContext context, RouterClient router, WorkPublisher work, CancellationToken cancellationToken)
    {
        var tenant = Tenants.TenantOf(context);
        var runId = RunIdOf(tenant, context.Request.Headers["Idempotency-Key"].ToString());
        try
        {
            var decision = await router.DecideAsync(PlatformNames.RunSaga, cancellationToken);
            await work.PublishAsync(new RunRequested(runId, tenant, order), cancellationToken);
            return Results.Accepted($"/api/v1/runs/{runId}", new { runId, agent = decision.Agent, model = decision.Model });
        }
        catch (Exception away) when (away is NatsException or OperationCanceledException or HttpRequestException)
        {
            // Nothing is kept of it under the key. Sent again it is the same run, whether or not it was published this time.
            context.Response.Headers.RetryAfter = "5";
            return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
        }
    }

    private static async Task<IResult> GetAsync(string id, RunStateStore runs, HttpContext context, CancellationToken cancellationToken)
    {
        if (id.Length != 32 || !id.All(char.IsAsciiHexDigitLower))
        {
            return Results.NotFound();
        }

        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromSeconds(3));
            return await runs.FindAsync(id, limit.Token) is { } stored ? Results.Json(stored.State, PlatformJson.Default.RunState) : Results.NotFound();
        }
        catch (Exception away) when (away is NatsException or OperationCanceledException)
        {
            context.Response.Headers.RetryAfter = "5";
            return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
        }
    }

    // Made from the key's record and nothing else: a gateway that died after it had published begins no second run.
    private static string RunIdOf(string tenant, string header)
    {
        var key = IdempotencyRecordKey.ForClientKey(tenant, "-", Operation, header.Trim().Trim('"'));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key.Value)).AsSpan(0, 16));
    }
}
