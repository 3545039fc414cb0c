using System.Net.Http.Json;
using System.Text.Json;
using NATS.Client.Core;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

/// <summary>The five services with a NATS and a Redis server, for all tests of the platform. A test that ends one starts it again.</summary>
public sealed class PlatformFixture : IAsyncLifetime
{
    private readonly string _documents = Path.Combine(Path.GetTempPath(), $"documents-{Guid.NewGuid():N}.db");
    private readonly List<ServiceProcess> _extra = [];

    internal NatsServer Nats { get; private set; } = null!;

    internal RedisServer Redis { get; private set; } = null!;

    internal NatsConnection Connection { get; private set; } = null!;

    internal TraceCollector Traces { get; } = new();

    internal ServiceProcess Gateway { get; set; } = null!;

    internal ServiceProcess Orchestrator { get; set; } = null!;

    internal ServiceProcess Router { get; private set; } = null!;

    internal ServiceProcess Realtime { get; set; } = null!;

    internal ServiceProcess Ingestion { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var token = TestContext.Current.CancellationToken;
        Nats = await NatsServer.StartAsync(cancellationToken: token);
        Redis = await RedisServer.StartAsync(cancellationToken: token);
        Connection = await Nats.ConnectAsync();
        Router = await StartAsync("RouterService", token);
        var starting = new[] { "ApiGateway", "Orchestrator", "Realtime", "Ingestion" }.Select(service => StartAsync(service, token)).ToArray();
        var started = await Task.WhenAll(starting);
        (Gateway, Orchestrator, Realtime, Ingestion) = (started[0], started[1], started[2], started[3]);
        await Task.WhenAll(started.Append(Router).Select(service => service.ReadyAsync(token)));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _extra)
            await service.DisposeAsync();
        await Connection.DisposeAsync();
        await Nats.DisposeAsync();
        await Redis.DisposeAsync();
        Traces.Dispose();
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(_documents)!, Path.GetFileName(_documents) + "*"))
            File.Delete(file);
    }

    /// <summary>Starts one more service on the same servers; it ends with the fixture.</summary>
    internal async Task<ServiceProcess> StartAsync(string service, CancellationToken cancellationToken, params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string>
        {
            ["ConnectionStrings__nats"] = Nats.Url,
            ["ConnectionStrings__redis"] = Redis.ConnectionString,
            ["ConnectionStrings__documents"] = $"Data Source={_documents}",
            ["Router__Address"] = Router?.Address.ToString() ?? "http://127.0.0.1:1",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Traces.Address,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            ["Health__Period"] = "00:00:01",
            ["Health__DrainDelay"] = "00:00:01.5",

            // Waits that a test need not sit through; how often is the file's.
            ["Topology__retry_config__default__base_delay"] = "100ms",
            ["Topology__retry_config__tool_calls__base_delay"] = "50ms",
            ["Topology__retry_config__api_calls__base_delay"] = "100ms",
            ["Topology__idempotency__lease"] = "3s",
            ["Sagas__AckWait"] = "00:00:03",
        };
        foreach (var (name, value) in settings)
            all[name] = value;
        var process = await ServiceProcess.StartAsync(service, all, cancellationToken);
        lock (_extra)
            _extra.Add(process);
        return process;
    }

    /// <summary>Posts a run and returns its id.</summary>
    internal async Task<string> PostRunAsync(string key, string customer, CancellationToken cancellationToken)
    {
        using var response = await SendRunAsync(Gateway, key, customer, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        Assert.True((int)response.StatusCode == 202, $"{(int)response.StatusCode} {body}\n{Gateway.Output}");
        return JsonDocument.Parse(body).RootElement.GetProperty("runId").GetString()!;
    }

    internal static Task<HttpResponseMessage> SendRunAsync(ServiceProcess gateway, string key, string customer, CancellationToken cancellationToken, string? trace = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/runs") { Content = JsonContent.Create(new { customer, item = "book", amount = 12.5 }) };
        request.Headers.Add("Idempotency-Key", key);
        request.Headers.Add("X-Tenant", "acme");
        if (trace is not null)
            request.Headers.Add("traceparent", trace);
        return gateway.Http.SendAsync(request, cancellationToken);
    }

    /// <summary>Reads a run until its state is as wanted.</summary>
    internal Task<RunView> WaitForRunAsync(string runId, Func<RunView, bool> wanted, CancellationToken cancellationToken) =>
        Until.Value(() => GetRunAsync(runId, cancellationToken), run => run is not null && wanted(run), TimeSpan.FromSeconds(90), cancellationToken)!;

    internal async Task<RunView?> GetRunAsync(string runId, CancellationToken cancellationToken)
    {
        using var response = await Gateway.Http.GetAsync($"/api/v1/runs/{runId}", cancellationToken);
        return response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<RunView>(cancellationToken) : null;
    }

    /// <summary>Returns the tools that were called for a run and what each answered, in order.</summary>
    internal async Task<string[]> ToolsAsync(string runId, CancellationToken cancellationToken) =>
        [.. (await CallsAsync(runId, cancellationToken)).Select(call => call.Tool)];

    internal async Task<ToolView[]> CallsAsync(string runId, CancellationToken cancellationToken) =>
        (await Router.Http.GetFromJsonAsync<ToolView[]>($"/sandbox/runs/{runId}", cancellationToken))!;

    internal async Task BreakAsync(string customer, string tool, string fault, CancellationToken cancellationToken)
    {
        using var response = await Router.Http.PutAsync($"/sandbox/{customer}/{tool}/{fault}", null, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    internal async Task MendAsync(string customer, string tool, CancellationToken cancellationToken)
    {
        using var response = await Router.Http.DeleteAsync($"/sandbox/{customer}/{tool}", cancellationToken);
        response.EnsureSuccessStatusCode();
    }
}

internal sealed record RunView(
    string RunId, string Status, bool IsFinal, int Redrive, long Version, string[] Completed, string[] Compensated, string? FailedStep)
{
    public override string ToString() => $"{Status} -r{Redrive} v{Version} done [{string.Join(' ', Completed)}] undone [{string.Join(' ', Compensated)}]";
}

internal sealed record ToolView(string RunId, string Tool, string Key, string Outcome);

[CollectionDefinition(Name)]
#pragma warning disable CA1711 // the runner's word for it
public sealed class PlatformCollection : ICollectionFixture<PlatformFixture>
#pragma warning restore CA1711
{
    public const string Name = "platform";
}
