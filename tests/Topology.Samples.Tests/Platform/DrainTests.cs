using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using NATS.Client.JetStream;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

/// <summary>SIGTERM of each service while it is at work.</summary>
[Collection(PlatformCollection.Name)]
public sealed class DrainTests(PlatformFixture platform)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("ApiGateway", "GET /api/v1/runs/{run}", 100)]
    [InlineData("ApiGateway", "POST /api/v1/runs", 25)]
    [InlineData("RouterService", "GET /agents", 100)]
    [InlineData("RouterService", "POST /decide", 100)]
    [InlineData("RouterService", "POST /tools/payment_authorization", 100)]
    public async Task No_request_fails_when_one_of_two_instances_is_stopped(string service, string request, int perSecond)
    {
        var customer = Guid.NewGuid().ToString("N");
        var (method, path) = (request.Split(' ')[0], request.Split(' ')[1]);
        if (path.Contains("{run}", StringComparison.Ordinal))
            path = path.Replace("{run}", await platform.PostRunAsync(customer, customer, Token), StringComparison.Ordinal);
        await using var one = await platform.StartAsync(service, Token);
        await using var two = await platform.StartAsync(service, Token);
        await Task.WhenAll(one.ReadyAsync(Token), two.ReadyAsync(Token));
        using var balancer = new LoadBalancer([one.Address, two.Address], Request);
        await Until.True(() => balancer.InRotation == 2, cancellationToken: Token);
        var sending = balancer.SendAsync(perSecond, TimeSpan.FromSeconds(4), Token);
        await Until.True(() => balancer.Served(0) > 10 && balancer.Served(1) > 10, cancellationToken: Token);
        await one.TerminateAsync(Token);
        var (sent, failed) = await sending;
        Assert.Equal(0, failed);
        Assert.True(balancer.Served(1) > sent / 2, $"{balancer.Served(1)} of {sent} were served by the one that stayed");

        HttpRequestMessage Request(Uri address)
        {
            var message = new HttpRequestMessage(new HttpMethod(method), new Uri(address, path)) { Headers = { { "X-Tenant", customer }, { "Idempotency-Key", Guid.NewGuid().ToString("N") } } };
            if (method == "POST")
            {
                var order = new { customer, item = "book", amount = 12.5 };
                message.Content = JsonContent.Create<object>(path switch
                {
                    "/decide" => new { task = "payment_authorization" },
                    "/api/v1/runs" => order,
                    _ => new { runId = Guid.NewGuid().ToString("N"), order },
                });
            }

            return message;
        }
    }

    [Fact]
    public async Task Documents_are_taken_apart_once_each_although_an_ingestion_is_stopped_in_the_middle()
    {
        await using var leaving = platform.Ingestion;
        var ids = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => PostDocumentAsync($"Document {number} of {Guid.NewGuid()}. " + new string('x', 2_000))));
        var starting = platform.StartAsync("Ingestion", Token);
        await leaving.TerminateAsync(Token);
        platform.Ingestion = await (await starting).ReadyAsync(Token);
        foreach (var id in ids)
        {
            var stored = await Until.Value(() => DocumentAsync(id), document => document.GetProperty("chunks").GetArrayLength() > 0, TimeSpan.FromSeconds(60), Token);
            Assert.Equal(1, stored.GetProperty("saves").GetInt32());
        }
    }

    [Fact]
    public async Task A_document_that_is_sent_twice_is_taken_apart_once_and_holds_what_it_said()
    {
        var text = string.Join(". ", Enumerable.Range(0, 300).Select(number => $"Sentence {number} of {Guid.NewGuid():N}"));
        var id = await PostDocumentAsync(text);
        await Until.Value(() => DocumentAsync(id), document => document.GetProperty("chunks").GetArrayLength() > 1, TimeSpan.FromSeconds(60), Token);

        // Past the server's own deduplication: another message, the same content.
        var body = JsonSerializer.SerializeToUtf8Bytes(new { documentId = id, tenant = "anonymous", text });
        (await new NatsJSContext(platform.Connection).PublishAsync("ingest.document.requested", body, cancellationToken: Token)).EnsureSuccess();
        var later = await PostDocumentAsync($"{Guid.NewGuid()}");
        await Until.Value(() => DocumentAsync(later), document => document.GetProperty("chunks").GetArrayLength() == 1, TimeSpan.FromSeconds(60), Token);

        var stored = await DocumentAsync(id);
        var chunks = stored.GetProperty("chunks").EnumerateArray().Select(chunk => chunk.GetString()!).ToArray();
        Assert.Equal(text, string.Join(' ', chunks));
        Assert.All(chunks, chunk => Assert.InRange(chunk.Length, 1, 800));
        Assert.Equal(1, stored.GetProperty("saves").GetInt32());
    }

    [Fact]
    public async Task Runs_are_carried_out_once_each_although_their_orchestrator_is_stopped_in_the_middle()
    {
        await using var leaving = platform.Orchestrator;
        var customers = Enumerable.Range(0, 40).Select(_ => Guid.NewGuid().ToString("N")).ToArray();
        foreach (var customer in customers[..5])
            await platform.BreakAsync(customer, "email_notification", "hold", Token); // these are in the middle for certain
        var runs = await Task.WhenAll(customers.Select(customer => platform.PostRunAsync(customer, customer, Token)));
        foreach (var run in runs[..5])
            await platform.WaitForRunAsync(run, state => state.Completed.Length == 2, Token);
        var starting = platform.StartAsync("Orchestrator", Token);
        await leaving.TerminateAsync(Token);
        platform.Orchestrator = await (await starting).ReadyAsync(Token);
        foreach (var customer in customers[..5])
            await platform.MendAsync(customer, "email_notification", Token);
        foreach (var run in runs)
        {
            await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);
            Assert.Equal(4, (await platform.CallsAsync(run, Token)).Where(call => call.Outcome != "cancelled").Select(call => call.Outcome).Distinct().Count());
        }
    }

    [Fact]
    public async Task Clients_of_a_pod_that_is_stopped_while_states_go_out_get_every_final_state_at_the_other_and_no_state_twice()
    {
        await using var pod = await platform.StartAsync("Realtime", Token);
        await pod.ReadyAsync(Token);
        var jetStream = new NatsJSContext(platform.Connection);
        var runs = Enumerable.Range(0, 20).Select(_ => Guid.NewGuid().ToString("N")).ToArray();
        var published = new int[runs.Length];
        var clients = runs.Select(FollowAsync).ToArray();
        var publishing = runs.Select(PublishAsync).ToArray();
        await Until.True(() => published.All(count => count >= 5), cancellationToken: Token);
        var stopping = pod.TerminateAsync(Token);
        await Task.WhenAll(publishing);
        await stopping;
        foreach (var seen in await Task.WhenAll(clients).WaitAsync(TimeSpan.FromMinutes(1), Token))
        {
            Assert.Equal(seen.Order().Distinct(), seen); // each later than the one before
            Assert.True(seen.Count > 2, "it followed from the start");
        }

        async Task PublishAsync(string run, int index)
        {
            // Until the pod has begun to leave, and some more; then the end, while clients are between the two.
            for (var i = 0; i < 60; i++)
            {
                await PublishStateAsync(run, "Running", isFinal: false);
                published[index]++;
                await Task.Delay(20, Token);
            }

            await PublishStateAsync(run, "Completed", isFinal: true);
        }

        async Task PublishStateAsync(string run, string status, bool isFinal) => (await jetStream.PublishAsync(
            $"run.{run}.state",
            JsonSerializer.SerializeToUtf8Bytes(new { runId = run, status, isFinal, redrive = 0, version = 1, completed = Array.Empty<string>(), compensated = Array.Empty<string>() }),
            cancellationToken: Token)).EnsureSuccess();

        async Task<List<ulong>> FollowAsync(string run)
        {
            var seen = new List<ulong>();
            var at = pod;
            while (true)
            {
                await using var socket = await RunSocket.ConnectAsync(at, Token, seen.Count == 0 ? $"run.{run}" : $"run.{run}:{seen[^1]}");
                await Until.True(() => socket.IsClosed || socket.States.Any(IsFinal), TimeSpan.FromMinutes(1), Token);
                seen.AddRange(socket.States.Select(state => state.GetProperty("seq").GetUInt64()));
                if (socket.States.Any(IsFinal))
                    return seen;
                Assert.Same(pod, at);
                at = platform.Realtime;
            }
        }

        static bool IsFinal(JsonElement state) => state.GetProperty("state").GetProperty("isFinal").GetBoolean();
    }

    [Fact]
    public async Task Clients_of_a_stopped_pod_are_asked_to_come_back_and_closed()
    {
        await using var pod = await platform.StartAsync("Realtime", Token);
        await pod.ReadyAsync(Token);
        var sockets = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => RunSocket.ConnectAsync(pod, Token, "run.x")));
        await Until.True(() => sockets.All(socket => socket.Messages.Count > 0), cancellationToken: Token); // hello
        await pod.TerminateAsync(Token);
        foreach (var socket in sockets)
        {
            await Until.True(() => socket.IsClosed, cancellationToken: Token);
            Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, socket.CloseStatus);
            var reconnect = socket.Messages[^1];
            Assert.Equal("reconnect", reconnect.GetProperty("type").GetString());
            Assert.InRange(reconnect.GetProperty("afterMs").GetInt32(), 0, 5_000);
            await socket.DisposeAsync();
        }
    }

    private async Task<string> PostDocumentAsync(string text)
    {
        using var response = await platform.Gateway.Http.PostAsJsonAsync("/api/v1/documents", new { text }, Token);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("documentId").GetString()!;
    }

    private Task<JsonElement> DocumentAsync(string id) => platform.Ingestion.Http.GetFromJsonAsync<JsonElement>($"/documents/{id}", Token);
}
