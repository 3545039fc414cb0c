using System.Net;

namespace Topology.TestKit;

/// <summary>Probes live and ready of a service all the time and keeps each change of the answer.</summary>
public sealed class ProbeWatch : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<HttpStatusCode> _live = [];
    private readonly List<HttpStatusCode> _ready = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly HttpClient _client;
    private readonly Task _probing;
    private int _probes;

    /// <param name="address">The service, with its probes at the usual paths.</param>
    public ProbeWatch(Uri address)
    {
        _client = new HttpClient { BaseAddress = address };
        _probing = ProbeAsync();
    }

    public int Probes => Volatile.Read(ref _probes);

    public IReadOnlyList<HttpStatusCode> Live => Copy(_live);

    public IReadOnlyList<HttpStatusCode> Ready => Copy(_ready);

    public void Dispose()
    {
        _stop.Cancel();
        _probing.GetAwaiter().GetResult();
        _stop.Dispose();
        _client.Dispose();
    }

    private async Task ProbeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Keep(_live, await AskAsync("/health/live"));
            Keep(_ready, await AskAsync("/health/ready"));
            Interlocked.Increment(ref _probes);
            await Task.Delay(10, CancellationToken.None);
        }
    }

    private async Task<HttpStatusCode> AskAsync(string path)
    {
        using var response = await _client.GetAsync(new Uri(path, UriKind.Relative), CancellationToken.None);
        return response.StatusCode;
    }

    private void Keep(List<HttpStatusCode> seen, HttpStatusCode code)
    {
        lock (_lock)
        {
            if (seen.Count == 0 || seen[^1] != code)
                seen.Add(code);
        }
    }

    private IReadOnlyList<HttpStatusCode> Copy(List<HttpStatusCode> seen)
    {
        lock (_lock)
            return [.. seen];
    }
}
