using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace Topology.Idempotency.AspNetCore.Tests;

[ApiController]
[Route("orders")]
[Idempotent(KeyRequired = true, TtlSeconds = 700)]
public sealed class OrdersController(OrderCount orders) : ControllerBase
{
    [HttpPost]
    public ActionResult<Order> Create(Order order) => Created($"/orders/{++orders.Value}", order with { Id = orders.Value });

    [HttpPost("paid")]
    [Idempotent(RequireTimedKeys = true)]
    public IActionResult Pay() => Ok(++orders.Value);

    [HttpPost("failed")]
    public IActionResult Fail() => orders.Value++ == 0 ? StatusCode(503) : NoContent();

    [HttpGet]
    public int Count() => orders.Value;
}

public sealed record Order(int Id, string Item);

public sealed class OrderCount
{
    public int Value { get; set; }
}

public sealed class ControllerTests
{
    private static Task<TestApp> AppAsync() => TestApp.StartAsync(
        routes => routes.MapControllers(),
        services: services => services.AddSingleton<OrderCount>().AddControllers().AddApplicationPart(typeof(OrdersController).Assembly));

    private static string TimedKey(TestApp app) => Guid.CreateVersion7(app.Time.GetUtcNow()).ToString();

    [Fact]
    public async Task An_action_of_a_controller_with_the_attribute_runs_once_and_is_replayed()
    {
        await using var app = await AppAsync();

        var first = await app.PostJsonAsync("/orders", """{"item":"tea"}""");
        var second = await app.PostJsonAsync("/orders", """{"item":"tea"}""");

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (first.StatusCode, second.StatusCode));
        Assert.Equal("""{"id":1,"item":"tea"}""", await second.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(("/orders/1", "application/json; charset=utf-8"), (second.Headers.Location!.ToString(), second.Content.Headers.ContentType!.ToString()));
        Assert.Equal("true", Assert.Single(second.Headers.GetValues("Idempotent-Replayed")));
        Assert.Equal(422, (int)(await app.PostJsonAsync("/orders", """{"item":"milk"}""")).StatusCode);
        Assert.Equal("1", await app.Client.GetStringAsync("/orders", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_action_adds_to_what_its_controller_asks_for()
    {
        await using var app = await AppAsync();

        Assert.Contains("key-missing", await (await app.PostAsync("/orders/paid", key: null)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains("key-without-time", await (await app.PostAsync("/orders/paid")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var key = TimedKey(app);
        Assert.Equal("1", await (await app.PostAsync("/orders/paid", key)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("1", await (await app.PostAsync("/orders/paid", key)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_attribute_says_how_long_a_record_lives()
    {
        await using var app = await AppAsync();
        await app.PostJsonAsync("/orders", """{"item":"tea"}""");

        app.Time.Advance(TimeSpan.FromSeconds(699));
        Assert.True((await app.PostJsonAsync("/orders", """{"item":"tea"}""")).Headers.Contains("Idempotent-Replayed"));
        app.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.False((await app.PostJsonAsync("/orders", """{"item":"tea"}""")).Headers.Contains("Idempotent-Replayed"));
    }

    [Fact]
    public async Task A_passing_failure_of_an_action_releases_its_key()
    {
        await using var app = await AppAsync();

        Assert.Equal(503, (int)(await app.PostAsync("/orders/failed")).StatusCode);
        Assert.Equal(204, (int)(await app.PostAsync("/orders/failed")).StatusCode);
    }
}
