using System.Net;
using System.Text.Json;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

/// <summary>A service is killed at the worst moment.</summary>
[Collection(PlatformCollection.Name)]
public sealed class CrashTests(PlatformFixture platform)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_gateway_that_is_killed_after_it_published_and_before_it_answered_begins_no_second_run()
    {
        // It publishes, and never hears that it did.
        await using var proxy = FaultProxy.Start(platform.Nats.Port);
        await using var gateway = await platform.StartAsync("ApiGateway", Token, ("ConnectionStrings__nats", $"nats://127.0.0.1:{proxy.Port}"));
        await gateway.ReadyAsync(Token);
        var customer = Guid.NewGuid().ToString("N");
        await using var requested = await platform.Connection.SubscribeCoreAsync<byte[]>("agent.run.requested", cancellationToken: Token);
        proxy.Hold(FaultDirection.ToClient);
        var dying = PlatformFixture.SendRunAsync(gateway, customer, customer, Token);
        string run;
        do
        {
            var message = await requested.Msgs.ReadAsync(Token);
            run = JsonDocument.Parse(message.Data).RootElement is var body && body.GetProperty("order").GetProperty("customer").GetString() == customer
                ? body.GetProperty("runId").GetString()! : "";
        }
        while (run.Length == 0);
        await gateway.KillAsync(Token);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => dying);

        // The client asks another gateway, as often as it is told to wait for the one that had the key.
        var answer = await Until.Value(
            async () =>
            {
                using var response = await PlatformFixture.SendRunAsync(platform.Gateway, customer, customer, Token);
                return (response.StatusCode, Body: await response.Content.ReadAsStringAsync(Token));
            },
            response => response.StatusCode != HttpStatusCode.Conflict,
            TimeSpan.FromSeconds(60),
            Token);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(run, JsonDocument.Parse(answer.Body).RootElement.GetProperty("runId").GetString());
        await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);
        Assert.Equal(["payment_authorization", "inventory_reservation", "email_notification", "crm_update"], await platform.ToolsAsync(run, Token));
    }

    [Fact]
    public async Task A_client_of_a_killed_pod_goes_on_at_another_one_without_a_gap()
    {
        var customer = Guid.NewGuid().ToString("N");
        await using var pod = await platform.StartAsync("Realtime", Token);
        await pod.ReadyAsync(Token);
        await platform.BreakAsync(customer, "email_notification", "hold", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);
        await using var first = await ConnectAsync(pod, $"run.{run}");
        var seen = await Until.Value(
            () => first.States.LastOrDefault(), state => state.ValueKind == JsonValueKind.Object && Completed(state) == 2, TimeSpan.FromSeconds(60), Token);
        var sequence = seen.GetProperty("seq").GetUInt64();
        await pod.KillAsync(Token);
        await Until.True(() => first.IsClosed, cancellationToken: Token);
        await platform.MendAsync(customer, "email_notification", Token);
        await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);

        await using var second = await ConnectAsync(platform.Realtime, $"run.{run}:{sequence}");
        await Until.Value(() => second.Statuses.LastOrDefault(), status => status == "Completed", cancellationToken: Token);
        Assert.All(second.States, state => Assert.True(state.GetProperty("seq").GetUInt64() > sequence));

        // And whoever has seen the end is told nothing again.
        var end = second.States.Last().GetProperty("seq").GetUInt64();
        await using var third = await ConnectAsync(platform.Realtime, $"run.{run}:{end}", "run.nobody");
        await third.SubscribeAsync(["not a topic"], Token); // answered after what the address asked for
        await Until.True(() => third.Messages.Any(message => message.GetProperty("type").GetString() == "refused"), cancellationToken: Token);
        Assert.Empty(third.States);
    }

    private static int Completed(JsonElement state) => state.GetProperty("state").GetProperty("completed").GetArrayLength();

    private static Task<RunSocket> ConnectAsync(ServiceProcess pod, params string[] topics) => RunSocket.ConnectAsync(pod, Token, topics);
}
