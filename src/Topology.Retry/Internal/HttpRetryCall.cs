using System.Diagnostics;
using System.Net.Http.Json;

namespace Topology.Retry.Internal;

/// <summary>One request on its way, as often as it takes.</summary>
internal sealed class HttpRetryCall(
    HttpRetryClient client, HttpRequestMessage request, Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send)
{
    private static readonly ActivitySource Activities = new(RetryMetrics.MeterName);

    // Written by the runtime on each send when absent; a second send must not carry the first one's.
    private static readonly string[] TraceHeaders = ["traceparent", "tracestate", "baggage", "Request-Id", "Correlation-Context"];

    private readonly HttpMethod _method = request.Method;
    private readonly Uri? _uri = request.RequestUri;
    private readonly HttpContent? _content = request.Content;
    private readonly string[] _addedByRuntime = [.. TraceHeaders.Where(header => !request.Headers.NonValidated.Contains(header))];

    public bool IsRunning { get; private set; }

    public async Task<HttpResponseMessage> RunAsync(CancellationToken cancellationToken)
    {
        var once = !MayRepeat();
        if (!once)
        {
            await KeepContentAsync(cancellationToken).ConfigureAwait(false);
        }

        IsRunning = true;
        try
        {
            return await client.Policy.ExecuteAsync(
                this,
                static (call, attempt) => call.SendAsync(attempt),
                new RetryCall { MaxAttempts = once ? 1 : null, CancellationToken = cancellationToken },
                client.ClassifyResponse).ConfigureAwait(false);
        }
        finally
        {
            IsRunning = false;
        }
    }

    private bool MayRepeat()
    {
        if (request.Options.TryGetValue(HttpRetryOptions.SendOnce, out var sendOnce) && sendOnce)
        {
            return false;
        }

        return _method == HttpMethod.Get || _method == HttpMethod.Head || _method == HttpMethod.Put || _method == HttpMethod.Delete
            || _method == HttpMethod.Options || _method == HttpMethod.Trace
            || (request.Headers.TryGetValues("Idempotency-Key", out var keys) && keys.Any(static key => !string.IsNullOrWhiteSpace(key)));
    }

    private async Task KeepContentAsync(CancellationToken cancellationToken)
    {
        if (_content is null or ByteArrayContent or ReadOnlyMemoryContent or JsonContent)
        {
            return;
        }

        try
        {
            await _content.LoadIntoBufferAsync(client.MaxBufferedContent, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException tooLarge) when (tooLarge.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw new RetryContentTooLargeException(client.Name, client.MaxBufferedContent, tooLarge);
        }
    }

    private async ValueTask<HttpResponseMessage> SendAsync(RetryAttempt attempt)
    {
        if (attempt.Number > 1)
        {
            Restore();
            request.Options.Set(HttpRetryOptions.ResendCount, attempt.Number - 1);
        }

        using var activity = attempt.Number > 1 ? Activities.StartActivity("retry") : null;
        activity?.SetTag("http.request.resend_count", attempt.Number - 1);
        if (client.AttemptTimeout is not { } timeout)
        {
            return await send(request, attempt.CancellationToken).ConfigureAwait(false);
        }

        using var bound = new CancellationTokenSource(timeout, client.Policy.Time);
        using var link = attempt.CancellationToken.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), bound);
        try
        {
            return await send(request, bound.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (bound.IsCancellationRequested && !attempt.CancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"HttpClient '{client.Name}': try {attempt.Number} took longer than {DurationText.Of(timeout)}.", cancelled);
        }
    }

    /// <summary>Undoes what redirects and tracing did to the request.</summary>
    private void Restore()
    {
        request.Method = _method;
        request.RequestUri = _uri;
        request.Content = _content;
        foreach (var header in _addedByRuntime)
        {
            request.Headers.Remove(header);
        }
    }
}
