using System.Net.Http.Headers;
using System.Text.Json;
using Topology.Dlq.Internal;

namespace Topology.Dlq;

/// <summary>Posts alerts as JSON to an address. Thread safe.</summary>
/// <remarks>
/// The body is the alert with snake-case names: <c>queue</c>, <c>id</c>, <c>reason</c>, <c>subject</c>, <c>tenant</c>, <c>workflow_id</c>,
/// <c>error_type</c>, <c>error_message</c>, <c>failed_at</c>. The header <c>Idempotency-Key</c> is queue and id, the same when an alert is
/// sent again. Any status but 2xx is a failure.
/// </remarks>
/// <param name="name">The sink's name.</param>
/// <param name="address">Where to post.</param>
/// <param name="client">The client; its timeout bounds one post.</param>
public sealed class WebhookAlertSink(string name, Uri address, HttpClient client) : IDeadLetterAlertSink
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public async ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(alert);
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(alert, MarkJson.Default.DeadLetterAlert));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = content };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", $"{alert.Queue}:{alert.Id}");
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        response.EnsureSuccessStatusCode();
    }
}
