namespace Topology.Retry.Internal;

/// <summary>Sends a request again as the profile of its client says.</summary>
internal sealed class RetryHandler(HttpRetryClient client) : DelegatingHandler
{
    private static readonly HttpRequestOptionsKey<HttpRetryCall> Running = new("Topology.Retry.Call");

    private int _chainRead;

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"HttpClient '{client.Name}': Topology.Retry waits asynchronously; use SendAsync instead of Send.");

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Options.TryGetValue(Running, out var earlier))
        {
            client.ReportSecond(earlier.IsRunning ? nameof(RetryHandler) : "a handler before this one");
            if (earlier.IsRunning)
            {
                // Retrying inside a retried request would multiply the tries.
                return base.SendAsync(request, cancellationToken);
            }
        }

        ReadChain();
        var call = new HttpRetryCall(client, request, base.SendAsync);
        request.Options.Set(Running, call);
        return call.RunAsync(cancellationToken);
    }

    private void ReadChain()
    {
        if (Interlocked.Exchange(ref _chainRead, 1) != 0)
        {
            return;
        }

        for (var handler = InnerHandler; handler is DelegatingHandler { InnerHandler: var inner }; handler = inner)
        {
            // Known by name, so that no rival is referenced: Microsoft.Extensions.Http.Resilience, Microsoft.Extensions.Http.Polly, and their kin.
            var type = handler.GetType().Name;
            if (handler is not RetryHandler && (type.Contains("Retry", StringComparison.OrdinalIgnoreCase) || type is "ResilienceHandler" or "PolicyHttpMessageHandler"))
            {
                client.ReportSecond(handler.GetType().FullName ?? type);
            }
        }
    }
}
