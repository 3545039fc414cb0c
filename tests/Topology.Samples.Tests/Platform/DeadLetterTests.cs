using System.Net.Http.Json;
using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

[Collection(PlatformCollection.Name)]
public sealed class DeadLetterTests(PlatformFixture platform)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_poison_message_becomes_a_letter_its_run_is_undone_and_a_redrive_completes_it_anew()
    {
        var customer = Guid.NewGuid().ToString("N");
        await platform.BreakAsync(customer, "crm_update", "hold", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);
        await platform.WaitForRunAsync(run, state => state.Completed.Length == 3, Token);

        // Another order under the same run: no try can cure that.
        var body = new { runId = run, tenant = "acme", order = new { customer, item = "another book", amount = 1 } };
        await PublishAsync(JsonSerializer.SerializeToUtf8Bytes(body), run);
        var letter = Assert.Single(await LettersAsync(run));
        Assert.Equal("rejected", letter.GetProperty("reason").GetString());
        Assert.Equal("agent.run.requested", letter.GetProperty("subject").GetString());
        Assert.Equal("AGENT_RUN_REQUESTED", letter.GetProperty("source").GetProperty("stream").GetString());
        Assert.Equal("acme", letter.GetProperty("tenant").GetString());

        var undone = await platform.WaitForRunAsync(run, state => state.IsFinal, Token);
        Assert.Equal("Compensated", undone.Status);
        Assert.Equal(["crm_update", "email_notification", "inventory_reservation", "payment_authorization"], undone.Compensated);

        await platform.MendAsync(customer, "crm_update", Token);
        using var redriven = await platform.Orchestrator.Http.PostAsync($"/ops/dead-letters/agent.run.dlq/{letter.GetProperty("id").GetString()}/redrive", null, Token);
        Assert.Equal(1, (await redriven.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("redriven").GetInt32());

        // The same run for everyone outside; a saga of its own inside.
        var anew = await platform.WaitForRunAsync(run, state => state.Redrive == 1 && state.IsFinal, Token);
        Assert.Equal("Completed", anew.Status);
        Assert.Equal(run, anew.RunId);
        Assert.Equal(["payment_authorization", "inventory_reservation", "email_notification", "crm_update"], await platform.ToolsAsync($"{run}-r1", Token));
        Assert.Empty(await LettersAsync(run, atLeast: 0));
    }

    [Fact]
    public async Task A_message_that_nobody_can_read_becomes_a_letter_and_harms_no_run()
    {
        var workflow = Guid.NewGuid().ToString("N");
        await PublishAsync("not json"u8.ToArray(), workflow);
        Assert.Equal("undecodable", Assert.Single(await LettersAsync(workflow)).GetProperty("reason").GetString());
        var customer = Guid.NewGuid().ToString("N");
        await platform.WaitForRunAsync(await platform.PostRunAsync(customer, customer, Token), state => state.Status == "Completed", Token);
    }

    private async Task PublishAsync(byte[] body, string workflow)
    {
        var headers = new NatsHeaders { ["tenant"] = "acme", ["workflow-id"] = workflow };
        var ack = await new NatsJSContext(platform.Connection).PublishAsync("agent.run.requested", body, headers: headers, cancellationToken: Token);
        ack.EnsureSuccess();
    }

    private Task<JsonElement[]> LettersAsync(string workflow, int atLeast = 1) => Until.Value(
        async () => (await platform.Orchestrator.Http.GetFromJsonAsync<JsonElement[]>($"/ops/dead-letters/agent.run.dlq?workflow={workflow}", Token))!,
        letters => atLeast == 0 ? letters.Length == 0 : letters.Length >= atLeast,
        TimeSpan.FromSeconds(60),
        Token);
}
