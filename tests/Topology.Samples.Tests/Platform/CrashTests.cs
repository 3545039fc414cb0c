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

    [Fact]
    public async Task A_run_goes_on_at_another_orchestrator_and_the_one_that_was_stopped_puts_nothing_old_over_it()
    {
        var customer = Guid.NewGuid().ToString("N");
        await platform.BreakAsync(customer, "email_notification", "hold", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);
        await platform.WaitForRunAsync(run, state => state.Completed.Length == 2, Token);
        var stopped = platform.Orchestrator;
        platform.Orchestrator = await (await platform.StartAsync("Orchestrator", Token)).ReadyAsync(Token);

        // Everything it knows it knows still, and its connections are open.
        stopped.Signal("STOP");
        try
        {
            await platform.MendAsync(customer, "email_notification", Token);
            await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);
        }
        finally
        {
            stopped.Signal("CONT");
        }

        await stopped.ReadyAsync(Token);
        await using var socket = await ConnectAsync(platform.Realtime, $"run.{run}");
        await Until.True(() => socket.States.Any(), cancellationToken: Token);
        var next = Guid.NewGuid().ToString("N"); // whatever the stopped one had to say about the first, it has said by the end of this
        await platform.WaitForRunAsync(await platform.PostRunAsync(next, next, Token), state => state.Status == "Completed", Token);
        await stopped.TerminateAsync(Token);
        Assert.Equal("Completed", (await platform.GetRunAsync(run, Token))!.Status);
        Assert.Equal(["Completed"], socket.Statuses);
        Assert.Equal(4, (await platform.CallsAsync(run, Token)).Where(call => call.Outcome != "cancelled").Select(call => call.Outcome).Distinct().Count());
    }

    [Fact]
    public async Task A_run_whose_orchestrator_is_killed_goes_on_at_another_one()
    {
        var customer = Guid.NewGuid().ToString("N");
        await platform.BreakAsync(customer, "crm_update", "hold", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);
        await platform.WaitForRunAsync(run, state => state.Completed.Length == 3, Token);
        var starting = platform.StartAsync("Orchestrator", Token);
        await platform.Orchestrator.KillAsync(Token);
        platform.Orchestrator = await (await starting).ReadyAsync(Token);
        await platform.MendAsync(customer, "crm_update", Token);
        await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);
        Assert.Equal(4, (await platform.CallsAsync(run, Token)).Where(call => call.Outcome != "cancelled").Select(call => call.Outcome).Distinct().Count());
    }

    private static int Completed(JsonElement state) => state.GetProperty("state").GetProperty("completed").GetArrayLength();

    private static Task<RunSocket> ConnectAsync(ServiceProcess pod, params string[] topics) => RunSocket.ConnectAsync(pod, Token, topics);
}
