using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using StackExchange.Redis;
using Topology.TestKit;

namespace Topology.Benchmarks.Platform;

/// <summary>The services of samples/Platform as processes of their own, with servers of their own.</summary>
internal sealed partial class PlatformHost : IAsyncDisposable
{
    private readonly List<Process> _processes = [];
    private readonly HttpClient _monitor = new();
    private ConnectionMultiplexer _redis = null!;
    private int _monitorPort;
    private RedisServer _redisServer = null!;

    public NatsServer Nats { get; private set; } = null!;

    public Uri Gateway { get; private set; } = null!;

    public static async Task<PlatformHost> StartAsync()
    {
        var host = new PlatformHost { _monitorPort = Random.Shared.Next(12_000, 32_000) };
        host.Nats = await NatsServer.StartAsync($"http: \"127.0.0.1:{host._monitorPort}\"");
        host._redisServer = await RedisServer.StartAsync();
        host._redis = await host._redisServer.ConnectAsync();
        var router = await host.StartAsync("RouterService", "http://127.0.0.1:1");
        await host.StartAsync("Orchestrator", router.ToString());
        host.Gateway = await host.StartAsync("ApiGateway", router.ToString());
        return host;
    }

    /// <summary>Reads what the servers have counted since they were started.</summary>
    public async Task<ServerCounts> CountAsync()
    {
        var varz = await _monitor.GetFromJsonAsync<JsonElement>($"http://127.0.0.1:{_monitorPort}/varz");
        var stats = (await _redis.GetServers()[0].InfoAsync("stats")).Single().ToDictionary(entry => entry.Key, entry => entry.Value);
        return new ServerCounts(
            varz.GetProperty("in_msgs").GetInt64(),
            varz.GetProperty("in_bytes").GetInt64() + varz.GetProperty("out_bytes").GetInt64(),
            Read("total_commands_processed"),
            Read("total_net_input_bytes") + Read("total_net_output_bytes"));

        long Read(string name) => long.Parse(stats[name], CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        _monitor.Dispose();
        await _redis.DisposeAsync();
        await Nats.DisposeAsync();
        await _redisServer.DisposeAsync();
    }

    private async Task<Uri> StartAsync(string service, string router)
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var start = new ProcessStartInfo(Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", service, configuration, service)))
        {
            RedirectStandardOutput = true,
            Environment =
            {
                ["DOTNET_ENVIRONMENT"] = "Development",
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
                ["ConnectionStrings__nats"] = Nats.Url,
                ["ConnectionStrings__redis"] = _redisServer.ConnectionString,
                ["Router__Address"] = router,
                ["TenantLimit__PerMinute"] = "100000000",
            },
        };
        var process = Process.Start(start)!;
        _processes.Add(process);
        var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { } text && Listening().Match(text) is { Success: true } match)
                address.TrySetResult(new Uri(match.Groups[1].Value));
        };
        process.BeginOutputReadLine();
        var uri = await address.Task.WaitAsync(TimeSpan.FromMinutes(2));
        await Until.True(async () => (await _monitor.GetAsync(new Uri(uri, "/health/ready"))).IsSuccessStatusCode, TimeSpan.FromMinutes(2));
        return uri;
    }

    [GeneratedRegex(@"Now listening on: (http://127\.0\.0\.1:\d+)")]
    private static partial Regex Listening();
}
