using System.Diagnostics;

namespace Topology.TestKit;

/// <summary>
/// What stands in front of the instances: asks each one's ready probe every 100 ms, goes on sending for 200 ms after it was first not 200, and
/// spreads requests in turn over those it knows to be ready.
/// </summary>
public sealed class LoadBalancer : IDisposable
{
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RemoveAfter = TimeSpan.FromMilliseconds(200);
    private readonly CancellationTokenSource _stop = new();
    private readonly Instance[] _instances;
    private readonly Func<Uri, HttpRequestMessage> _request;
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(10) };
    private int _turn;

    /// <param name="addresses">The instances.</param>
    /// <param name="path">What is asked of them, with GET; an answer that is no success is a failed request.</param>
    public LoadBalancer(IEnumerable<Uri> addresses, string path)
        : this(addresses, address => new(HttpMethod.Get, new Uri(address, path)))
    {
    }

    /// <param name="addresses">The instances.</param>
    /// <param name="request">What is asked of an instance; an answer that is no success is a failed request.</param>
    public LoadBalancer(IEnumerable<Uri> addresses, Func<Uri, HttpRequestMessage> request)
    {
        _request = request;
        _instances = [.. addresses.Select(static address => new Instance(address))];
        foreach (var instance in _instances)
            _ = WatchAsync(instance);
    }

    public int InRotation => _instances.Count(static instance => instance.InRotation);

    public int Served(int instance) => Volatile.Read(ref _instances[instance].Served);

    public async Task<(int Sent, int Failed)> SendAsync(int perSecond, TimeSpan duration, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var requests = new List<Task<bool>>();
        while (clock.Elapsed < duration)
        {
            while (requests.Count < clock.Elapsed.TotalSeconds * perSecond)
                requests.Add(WorkAsync());
            await Task.Delay(5, cancellationToken);
        }

        var served = await Task.WhenAll(requests);
        return (served.Length, served.Count(static ok => !ok));
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _client.Dispose();
    }

    private async Task<bool> WorkAsync()
    {
        var ready = Array.FindAll(_instances, static instance => instance.InRotation);
        if (ready.Length == 0)
            return false;
        var instance = ready[(int)((uint)Interlocked.Increment(ref _turn) % ready.Length)];
        try
        {
            using var request = _request(instance.Address);
            using var response = await _client.SendAsync(request);
            Interlocked.Increment(ref instance.Served);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
        catch (TaskCanceledException)
        {
            return false;
        }
    }

    private async Task WatchAsync(Instance instance)
    {
        while (!_stop.IsCancellationRequested)
        {
            var ready = false;
            try
            {
                using var response = await _client.GetAsync(new Uri(instance.Address, "/health/ready"), _stop.Token);
                ready = response.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (!ready && instance.InRotation)
                await Task.Delay(RemoveAfter, CancellationToken.None);
            instance.InRotation = ready;
            await Task.Delay(PollEvery, CancellationToken.None);
        }
    }

    private sealed class Instance(Uri address)
    {
        public int Served;
        public volatile bool InRotation;

        public Uri Address { get; } = address;
    }
}
