using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.Time.Testing;
using Platform.RouterService;
using Platform.ServiceDefaults.Messages;

namespace Topology.Samples.Tests.Platform;

/// <summary>Who is picked for a task, by cost, latency and health.</summary>
[Collection(PlatformCollection.Name)]
public sealed class RoutingTests(PlatformFixture platform)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_cheapest_agent_that_can_do_the_task_is_picked_until_it_fails()
    {
        await using var router = await platform.StartAsync("RouterService", Token);
        await router.ReadyAsync(Token);
        Assert.Equal(new Decision("cashier", "small-2"), await DecideAsync("payment_authorization"));
        Assert.Equal(new Decision("storekeeper", "small-2"), await DecideAsync("inventory_reservation"));
        Assert.Equal(new Decision("writer", "medium-1"), await DecideAsync("email_notification"));
        Assert.Equal(new Decision("generalist", "small-2"), await DecideAsync("anything else"));

        var customer = Guid.NewGuid().ToString("N");
        (await router.Http.PutAsync($"/sandbox/{customer}/payment_authorization/fail", null, Token)).EnsureSuccessStatusCode();
        for (var call = 0; await DecideAsync("payment_authorization") == new Decision("cashier", "small-2"); call++)
        {
            Assert.InRange(call, 0, 20);
            var request = new HttpRequestMessage(HttpMethod.Post, "/tools/payment_authorization")
            {
                Content = JsonContent.Create(new ToolCall("run", new Order(customer, "book", 1))),
                Headers = { { "Idempotency-Key", $"{call}" } },
            };
            using var answer = await router.Http.SendAsync(request, Token);
            Assert.Equal(HttpStatusCode.FailedDependency, answer.StatusCode);
        }

        Assert.Equal(new Decision("generalist", "small-2"), await DecideAsync("payment_authorization"));
        Assert.Equal(new Decision("storekeeper", "small-2"), await DecideAsync("inventory_reservation")); // it did nothing wrong

        async Task<Decision?> DecideAsync(string task)
        {
            using var answer = await router.Http.PostAsJsonAsync("/decide", new DecisionRequest(task), Token);
            answer.EnsureSuccessStatusCode();
            return await answer.Content.ReadFromJsonAsync<Decision>(Token);
        }
    }

    [Fact]
    public void A_slow_agent_loses_to_a_fast_one_and_one_that_failed_is_asked_again_after_a_while()
    {
        var time = new FakeTimeProvider();
        var one = new Agent("one", "model", costPer1K: 0.001, latency: 100, time);
        var other = new Agent("other", "model", costPer1K: 0.001, latency: 200, time);
        Assert.True(one.Score < other.Score);
        for (var call = 0; call < 20; call++)
            one.Record(TimeSpan.FromSeconds(1), failed: false);
        Assert.True(one.Score > other.Score);

        for (var call = 0; call < 20; call++)
            other.Record(TimeSpan.FromMilliseconds(200), failed: true);
        Assert.True(one.Score < other.Score);
        Assert.InRange(other.Failures, 0.85, 0.9);
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.InRange(other.Failures, 0.42, 0.45);
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.True(one.Score > other.Score);
    }
}
