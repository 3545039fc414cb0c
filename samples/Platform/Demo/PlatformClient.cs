using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Platform.Demo;

/// <summary>A client as a customer would write it: HTTP for what it wants, a WebSocket for what became of it.</summary>
internal sealed class PlatformClient(Uri gateway, Uri realtime, Uri router) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private readonly HttpClient _http = new();

    public void Dispose() => _http.Dispose();

    /// <summary>Makes a tool of the sandbox fail for a customer.</summary>
    public async Task SetFaultAsync(string customer, string tool, string fault)
    {
        using var response = await _http.PutAsync(new Uri(router, $"/sandbox/{customer}/{tool}/{fault}"), null);
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Starts a run and shows what is told about it until its end.</summary>
    public async Task<bool> RunAsync(string customer, string expected)
    {
        var (status, body) = await PostAsync(Guid.CreateVersion7().ToString(), customer);
        Console.WriteLine($"  POST /api/v1/runs -> {(int)status} {body}");
        var run = JsonDocument.Parse(body).RootElement.GetProperty("runId").GetString();
        using var socket = new ClientWebSocket();
        using var limit = new CancellationTokenSource(Limit);
        await socket.ConnectAsync(new Uri($"ws://{realtime.Authority}/ws?topic=run.{run}"), limit.Token);
        while (true)
        {
            var message = await ReadAsync(socket, limit.Token);
            switch (message.GetProperty("type").GetString())
            {
                case "delta":
                    Console.Write($"      {message.GetProperty("text").GetString()}");
                    break;
                case "state" when message.GetProperty("state") is var state:
                    Console.WriteLine($"    #{message.GetProperty("seq")} {state.GetProperty("status")}"
                        + $", done {state.GetProperty("completed").GetArrayLength()}, undone {state.GetProperty("compensated").GetArrayLength()}");
                    if (state.GetProperty("isFinal").GetBoolean())
                    {
                        return state.GetProperty("status").GetString() == expected;
                    }

                    break;
            }
        }
    }

    /// <summary>Sends the same request many times at once and shows that one run came of it.</summary>
    public async Task<bool> SameKeyAsync(string customer, int requests)
    {
        var key = Guid.CreateVersion7().ToString();
        var answers = await Task.WhenAll(Enumerable.Range(0, requests).Select(_ => PostAsync(key, customer)));
        var distinct = answers.Where(answer => answer.Status == HttpStatusCode.Accepted).Select(answer => answer.Body).Distinct().ToArray();
        Console.WriteLine($"  {answers.Count(answer => answer.Status == HttpStatusCode.Accepted)} times 202 with {distinct.Length} answer, {answers.Count(answer => answer.Status == HttpStatusCode.Conflict)} times 409: the first was still at it");
        return distinct.Length == 1;
    }

    public async Task<bool> DocumentAsync()
    {
        using var response = await _http.PostAsJsonAsync(new Uri(gateway, "/api/v1/documents"), new { text = "A paragraph.\n\n" + new string('x', 900) });
        Console.WriteLine($"  POST /api/v1/documents -> {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        return response.IsSuccessStatusCode;
    }

    private static async Task<JsonElement> ReadAsync(ClientWebSocket socket, CancellationToken cancellationToken)
    {
        var message = new StringBuilder();
        var buffer = new byte[4096];
        ValueWebSocketReceiveResult read;
        do
        {
            read = await socket.ReceiveAsync(buffer.AsMemory(), cancellationToken);
            message.Append(Encoding.UTF8.GetString(buffer, 0, read.Count));
        }
        while (!read.EndOfMessage);
        return JsonDocument.Parse(message.ToString()).RootElement;
    }

    private async Task<(HttpStatusCode Status, string Body)> PostAsync(string key, string customer)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway, "/api/v1/runs"))
        {
            Content = JsonContent.Create(new { customer, item = "book", amount = 12.5m }),
            Headers = { { "Idempotency-Key", key }, { "X-Tenant", "demo" } },
        };
        using var response = await _http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
