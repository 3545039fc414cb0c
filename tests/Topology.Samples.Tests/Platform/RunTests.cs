using System.Text.Json;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

/// <summary>Runs from the client's request to what the client is told, over all services.</summary>
[Collection(PlatformCollection.Name)]
public sealed class RunTests(PlatformFixture platform)
{
    private static readonly string[] Steps = ["payment_authorization", "inventory_reservation", "email_notification", "crm_update"];
    private static readonly string[] Undos = ["refund_transaction", "restore_inventory", "send_cancellation_email", "revert_crm_status"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_is_carried_out_and_seen_on_a_socket_until_its_end()
    {
        var customer = Guid.NewGuid().ToString("N");
        await platform.BreakAsync(customer, "crm_update", "hold", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);
        await platform.WaitForRunAsync(run, state => state.Completed.Length == 3, Token);
        await using var socket = await RunSocket.ConnectAsync(platform.Realtime, Token, $"run.{run}");
        await Until.Value(() => socket.Statuses.ToArray(), statuses => statuses is ["Running", ..], cancellationToken: Token);
        await platform.MendAsync(customer, "crm_update", Token);

        await Until.Value(() => socket.Statuses.LastOrDefault(), status => status == "Completed", TimeSpan.FromSeconds(90), Token);
        var end = socket.States.Last();
        Assert.Equal(Steps, end.GetProperty("state").GetProperty("completed").EnumerateArray().Select(step => step.GetString()));
        Assert.Equal($"run.{run}", end.GetProperty("topic").GetString());
        var sequences = socket.States.Select(state => state.GetProperty("seq").GetInt64()).ToArray();
        Assert.Equal(sequences.Order().Distinct(), sequences);
        Assert.Contains(socket.Messages, message => message.GetProperty("type").GetString() == "delta"
            && message.GetProperty("text").GetString()!.Contains("crm_update done", StringComparison.Ordinal));
        Assert.Equal("Completed", (await platform.GetRunAsync(run, Token))!.Status);
    }

    [Fact]
    public async Task Ten_requests_with_one_key_are_one_run_and_one_answer()
    {
        var customer = Guid.NewGuid().ToString("N");
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => AnswerAsync()));

        Assert.Single(answers.Distinct());
        Assert.StartsWith("202", answers[0], StringComparison.Ordinal);
        var run = JsonDocument.Parse(answers[0][4..]).RootElement.GetProperty("runId").GetString()!;
        await platform.WaitForRunAsync(run, state => state.Status == "Completed", Token);
        Assert.Equal(Steps, await platform.ToolsAsync(run, Token));

        async Task<string> AnswerAsync()
        {
            while (true)
            {
                using var response = await PlatformFixture.SendRunAsync(platform.Gateway, customer, customer, Token);
                if (response.StatusCode != System.Net.HttpStatusCode.Conflict)
                    return $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(Token)}";
                Assert.NotNull(response.Headers.RetryAfter); // the first one is at it: asked again, the answer is its
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_step_that_is_refused_undoes_those_before_it_in_reverse(int failing)
    {
        var customer = Guid.NewGuid().ToString("N");
        await platform.BreakAsync(customer, Steps[failing], "refuse", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);

        var end = await platform.WaitForRunAsync(run, state => state.IsFinal, Token);
        Assert.Equal("Compensated", end.Status);
        Assert.Equal(Steps[failing], end.FailedStep);
        Assert.Equal(Steps.Take(failing).Reverse(), end.Compensated);
        string[] called = [.. Steps.Take(failing + 1), .. Undos.Take(failing).Reverse()];
        Assert.Equal(called, await platform.ToolsAsync(run, Token));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_step_that_nobody_knows_about_is_undone_with_those_before_it(int failing)
    {
        var customer = Guid.NewGuid().ToString("N");
        await platform.BreakAsync(customer, Steps[failing], "fail", Token);
        var run = await platform.PostRunAsync(customer, customer, Token);

        var end = await platform.WaitForRunAsync(run, state => state.IsFinal, Token);
        Assert.Equal("Compensated", end.Status);
        Assert.Equal(Steps.Take(failing + 1).Reverse(), end.Compensated);

        // The failing one as often as tool_calls says, by router-service alone: nobody above tries it again.
        string[] called = [.. Steps.Take(failing), .. Enumerable.Repeat(Steps[failing], 3), .. Undos.Take(failing + 1).Reverse()];
        Assert.Equal(called, await platform.ToolsAsync(run, Token));
    }

    [Fact]
    public async Task A_run_that_nobody_knows_is_not_found()
    {
        Assert.Null(await platform.GetRunAsync(new string('0', 32), Token));
        Assert.Null(await platform.GetRunAsync("run.*", Token));
    }
}
