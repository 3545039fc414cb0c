using System.Security.Cryptography;
using System.Text;
using NATS.Client.Core;
using Platform.ServiceDefaults.Messages;

namespace Platform.ApiGateway;

/// <summary>The HTTP interface of documents. A document is named by what it says, so no key is needed.</summary>
internal static class DocumentEndpoints
{
    public static void MapDocuments(this WebApplication app) =>
        app.MapPost("/api/v1/documents", PublishAsync).RequireRateLimiting(Tenants.Limit);

    private static async Task<IResult> PublishAsync(Document document, HttpContext context, WorkPublisher work, CancellationToken cancellationToken)
    {
        var tenant = Tenants.TenantOf(context);
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{tenant}\n{document.Text}")).AsSpan(0, 16));
        try
        {
            await work.PublishAsync(new DocumentRequested(id, tenant, document.Text), cancellationToken);
            return Results.Accepted(value: new { documentId = id });
        }
        catch (Exception away) when (away is NatsException or OperationCanceledException)
        {
            context.Response.Headers.RetryAfter = "5";
            return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
        }
    }

    private sealed record Document(string Text);
}
