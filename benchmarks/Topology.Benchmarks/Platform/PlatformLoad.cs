using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using NATS.Client.Core;

namespace Topology.Benchmarks.Platform;

/// <summary>Clients that post runs through the gateway and wait for their final state.</summary>
internal sealed class PlatformLoad(PlatformHost host)
{
    private const int Connections = 64;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _ends = new(StringComparer.Ordinal);

    /// <summary>Keeps a number of runs under way until all are done.</summary>
    public async Task<RunFigures> RunAsync(int inFlight, int runs)
    {
        await using var connection = await host.Nats.ConnectAsync();
        await using var states = await connection.SubscribeCoreAsync<byte[]>("run.*.state");
        var watching = WatchAsync(states);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Connections }) { BaseAddress = host.Gateway, Timeout = Limit };
        using var places = new SemaphoreSlim(inFlight);
        var before = await host.CountAsync();
        var clock = Stopwatch.StartNew();
        var tasks = new List<Task<double?>>(runs);
        for (var i = 0; i < runs; i++)
        {
            await places.WaitAsync();
            tasks.Add(OneAsync(http, places));
        }

        var times = await Task.WhenAll(tasks);
        var seconds = clock.Elapsed.TotalSeconds;
        var cost = await host.CountAsync() - before;
        await states.UnsubscribeAsync();
        await watching;
        var completed = times.OfType<double>().Order().ToArray();
        return new RunFigures(
            inFlight, runs, runs - completed.Length, completed.Length / seconds, At(completed, 0.50), At(completed, 0.99), cost);
    }

    private static double At(double[] sorted, double share) => sorted.Length == 0 ? double.NaN : sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * share)];

    /// <returns>How long it took; <see langword="null"/> when it did not complete.</returns>
    private async Task<double?> OneAsync(HttpClient http, SemaphoreSlim places)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/runs")
            {
                Content = JsonContent.Create(new { customer = "bench", item = "book", amount = 12.5m }),
                Headers = { { "Idempotency-Key", Guid.CreateVersion7().ToString() } },
            };
            using var response = await http.SendAsync(request);
            if (!response.IsSuccessStatusCode)
                return null;
            var run = (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("runId").GetString()!;
            return await EndOf(run).Task.WaitAsync(Limit) == "Completed" ? clock.Elapsed.TotalMilliseconds : null;
        }
        catch (Exception failure) when (failure is HttpRequestException or TimeoutException or TaskCanceledException)
        {
            return null;
        }
        finally
        {
            places.Release();
        }
    }

    private TaskCompletionSource<string> EndOf(string run) => _ends.GetOrAdd(run, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task WatchAsync(INatsSub<byte[]> states)
    {
        await foreach (var message in states.Msgs.ReadAllAsync())
        {
            var state = JsonDocument.Parse(message.Data).RootElement;
            if (state.GetProperty("isFinal").GetBoolean())
                EndOf(state.GetProperty("runId").GetString()!).TrySetResult(state.GetProperty("status").GetString()!);
        }
    }
}
