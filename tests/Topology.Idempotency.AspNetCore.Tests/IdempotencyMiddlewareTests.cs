using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Topology.Idempotency.AspNetCore.Tests;

public sealed class IdempotencyMiddlewareTests
{
    private int _runs;

    private async Task<TestApp> AppAsync(RequestDelegate handler, Func<IdempotencyEndpoint, IdempotencyEndpoint>? configure = null, Action<IdempotencyHttpOptions>? options = null) =>
        await TestApp.StartAsync(
            app => app.MapPost("/runs/{id?}", context =>
            {
                Interlocked.Increment(ref _runs);
                return handler(context);
            }).RequireIdempotency(configure),
            options);

    private static RequestDelegate Created => async context =>
    {
        context.Response.StatusCode = 201;
        context.Response.Headers.Location = "/runs/7";
        context.Response.Headers.SetCookie = "secret=1";
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync("""{"id":7}""");
    };

    internal static async Task<JsonElement> ProblemAsync(HttpResponseMessage response, int status, string slug)
    {
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.ToString());
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal("urn:multiagent-topology:idempotency:" + slug, problem.GetProperty("type").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        return problem;
    }

    [Fact]
    public async Task The_second_request_gets_status_body_and_allowed_headers_of_the_first()
    {
        await using var app = await AppAsync(Created);

        var first = await app.PostAsync("/runs");
        var second = await app.PostAsync("/runs");

        Assert.Equal(1, _runs);
        foreach (var response in new[] { first, second })
        {
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
            Assert.Equal("""{"id":7}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            Assert.Equal("/runs/7", response.Headers.Location!.ToString());
            Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        }

        Assert.False(first.Headers.Contains("Idempotent-Replayed"));
        Assert.Equal("true", Assert.Single(second.Headers.GetValues("Idempotent-Replayed")));
        Assert.True(first.Headers.Contains("Set-Cookie"));
        Assert.False(second.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task A_json_result_and_an_empty_result_are_replayed_too()
    {
        await using var app = await TestApp.StartAsync(routes =>
        {
            routes.MapPost("/json", () => Results.Json(new { Run = ++_runs })).WithIdempotency();
            routes.MapPost("/empty", () => { _runs++; return Results.NoContent(); }).WithIdempotency();
        });

        var json = await (await app.PostAsync("/json")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(json, await (await app.PostAsync("/json")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await app.PostAsync("/empty");
        Assert.Equal(HttpStatusCode.NoContent, (await app.PostAsync("/empty")).StatusCode);
        Assert.Equal(2, _runs);
    }

    [Fact]
    public async Task A_missing_or_malformed_key_is_answered_400()
    {
        await using var app = await AppAsync(Created, options: o => o.DocumentationUrl = new Uri("https://docs.example.com/keys"));

        var missing = await app.PostAsync("/runs", key: null);
        await ProblemAsync(missing, 400, "key-missing");
        Assert.Equal("<https://docs.example.com/keys>; rel=\"describedby\"; type=\"text/html\"", Assert.Single(missing.Headers.GetValues("Link")));
        await ProblemAsync(await app.PostAsync("/runs", key: "\"\""), 400, "key-malformed");
        await ProblemAsync(await app.PostAsync("/runs", key: "a, b"), 400, "key-malformed");
        Assert.Equal(0, _runs);
    }

    [Fact]
    public async Task Without_metadata_or_key_or_with_a_safe_method_nothing_changes()
    {
        await using var app = await TestApp.StartAsync(routes =>
        {
            routes.MapPost("/plain", () => ++_runs);
            routes.MapPost("/optional", () => ++_runs).WithIdempotency();
            routes.MapGet("/get", () => ++_runs).RequireIdempotency();
        });

        await app.PostAsync("/plain");
        await app.PostAsync("/plain");
        await app.PostAsync("/optional", key: null);
        await app.PostAsync("/optional", key: null);
        await app.Client.GetAsync("/get", TestContext.Current.CancellationToken);
        await app.Client.GetAsync("/get", TestContext.Current.CancellationToken);

        Assert.Equal(6, _runs);
    }

    [Fact]
    public async Task Another_request_under_the_key_is_answered_422_and_never_the_stored_response()
    {
        await using var app = await AppAsync(Created);
        await app.PostAsync("/runs", body: "a");

        await ProblemAsync(await app.PostAsync("/runs", body: "b"), 422, "key-reused");
        await ProblemAsync(await app.PostAsync("/runs?x=1", body: "a"), 422, "key-reused");
        await ProblemAsync(await app.PostAsync("/runs/7", body: "a"), 422, "key-reused");
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task Tenants_and_users_never_meet()
    {
        await using var app = await AppAsync(Created);

        await app.PostAsync("/runs", user: "alice", tenant: "acme");
        await app.PostAsync("/runs", user: "bob", tenant: "acme");
        await app.PostAsync("/runs", user: "alice", tenant: "evil");
        await app.PostAsync("/runs", user: "acme:alice", tenant: "x");

        Assert.Equal(4, _runs);
    }

    [Fact]
    public async Task What_a_request_says_of_its_own_tenant_and_user_counts_for_nothing()
    {
        await using var app = await AppAsync(Created);
        await app.PostAsync("/runs");

        foreach (var header in new[] { "X-Tenant-Id", "Tenant-Id", "X-Org-Id", "X-User-Id", "X-Forwarded-User" })
            app.Client.DefaultRequestHeaders.Add(header, "somebody-else");
        Assert.Equal("true", (await app.PostAsync("/runs")).Headers.GetValues("Idempotent-Replayed").Single());
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task Names_of_any_length_and_alphabet_are_kept_apart()
    {
        await using var app = await AppAsync(Created);
        string[] users =
        [
            new('a', 85), new('a', 86), new('a', 300), new string('a', 300) + "b", "sha-256=" + RequestFingerprint.Compute(Encoding.UTF8.GetBytes(new string('a', 300))),
        ];

        foreach (var user in users.Concat(users))
            Assert.Equal(HttpStatusCode.Created, (await app.PostAsync("/runs", user: user, tenant: user)).StatusCode);

        Assert.Equal(users.Length, _runs);
    }

    [Fact]
    public async Task A_caller_without_identity_is_answered_401_unless_the_options_allow_it()
    {
        await using (var app = await AppAsync(Created))
            await ProblemAsync(await app.PostAsync("/runs", user: ""), 401, "caller-unknown");

        await using (var app = await AppAsync(Created, options: o => o.AllowAnonymous = true))
        {
            await app.PostAsync("/runs", user: "");
            await app.PostAsync("/runs", user: "");
            Assert.Equal(1, _runs);
        }
    }

    [Fact]
    public async Task Two_endpoints_do_not_share_a_key()
    {
        await using var app = await TestApp.StartAsync(routes =>
        {
            routes.MapPost("/a", () => ++_runs).WithIdempotency();
            routes.MapPost("/b", () => ++_runs).WithIdempotency();
        });

        await app.PostAsync("/a");
        await app.PostAsync("/b");

        Assert.Equal(2, _runs);
    }

    [Fact]
    public async Task While_the_first_runs_the_second_is_answered_409_with_retry_after()
    {
        var gate = new TaskCompletionSource();
        var started = new TaskCompletionSource();
        await using var app = await AppAsync(async context =>
        {
            started.TrySetResult();
            await gate.Task;
            await context.Response.WriteAsync("done");
        });

        var first = app.PostAsync("/runs");
        await started.Task;
        var second = await app.PostAsync("/runs");

        var problem = await ProblemAsync(second, 409, "in-progress");
        Assert.True(problem.GetProperty("retryable").GetBoolean());
        Assert.Equal(TimeSpan.FromSeconds(30), second.Headers.RetryAfter!.Delta);
        gate.SetResult();
        Assert.Equal("done", await (await first).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, _runs);
    }

    [Theory]
    [InlineData(200, true)]
    [InlineData(302, true)]
    [InlineData(404, true)]
    [InlineData(422, true)]
    [InlineData(401, false)]
    [InlineData(403, false)]
    [InlineData(408, false)]
    [InlineData(409, false)]
    [InlineData(425, false)]
    [InlineData(429, false)]
    [InlineData(500, false)]
    [InlineData(503, false)]
    public async Task A_final_status_is_stored_and_a_passing_one_releases_the_key(int status, bool stored)
    {
        await using var app = await AppAsync(async context =>
        {
            context.Response.StatusCode = status;
            await context.Response.WriteAsync($"run {_runs}");
        });
        app.Client.DefaultRequestHeaders.ExpectContinue = false;

        Assert.Equal(status, (int)(await app.PostAsync("/runs")).StatusCode);
        Assert.Equal(status, (int)(await app.PostAsync("/runs")).StatusCode);
        Assert.Equal(stored ? 1 : 2, _runs);
    }

    [Fact]
    public async Task An_exception_releases_the_key()
    {
        await using var app = await AppAsync(_ => _runs == 1 ? throw new TimeoutException() : Task.CompletedTask);

        Assert.Equal(500, (int)(await app.PostAsync("/runs")).StatusCode);
        Assert.Equal(200, (int)(await app.PostAsync("/runs")).StatusCode);
    }

    [Fact]
    public async Task Under_quarantine_a_server_error_is_never_run_again()
    {
        await using var app = await AppAsync(
            context =>
            {
                context.Response.StatusCode = 502;
                return Task.CompletedTask;
            },
            e => e with { Policy = e.Policy with { OnAbandoned = AbandonedClaim.Quarantine } });

        Assert.Equal(502, (int)(await app.PostAsync("/runs")).StatusCode);
        await ProblemAsync(await app.PostAsync("/runs"), 409, "outcome-unknown");
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_body_too_large_is_answered_413_before_anything_is_claimed()
    {
        await using var app = await AppAsync(Created, e => e with { MaxRequestBytes = 10 });

        await ProblemAsync(await app.PostAsync("/runs", body: new string('x', 11)), 413, "request-too-large");
        Assert.Equal(HttpStatusCode.Created, (await app.PostAsync("/runs", body: new string('x', 10))).StatusCode);
    }

    [Fact]
    public async Task The_endpoint_still_reads_the_whole_body()
    {
        var text = string.Concat(Enumerable.Range(0, 5_000).Select(i => $"{i},"));
        await using var app = await AppAsync(async context =>
        {
            using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
            await context.Response.WriteAsync(await reader.ReadToEndAsync());
        });

        Assert.Equal(text, await (await app.PostAsync("/runs", body: text)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_large_response_reaches_the_client_whole_and_leaves_a_tombstone()
    {
        var large = new string('x', 5_000);
        await using var app = await AppAsync(
            async context =>
            {
                for (var i = 0; i < 5; i++)
                    await context.Response.WriteAsync(large[..1_000]);
            },
            e => e with { Policy = e.Policy with { MaxResultBytes = 2_500 } });

        Assert.Equal(large, await (await app.PostAsync("/runs")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await ProblemAsync(await app.PostAsync("/runs"), 409, "result-not-kept");
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_response_that_has_grown_too_large_to_keep_goes_out_while_it_is_made()
    {
        var gate = new TaskCompletionSource();
        await using var app = await AppAsync(
            async context =>
            {
                await context.Response.WriteAsync(new string('x', 1_000));
                await context.Response.Body.FlushAsync();
                await gate.Task;
            },
            e => e with { Policy = e.Policy with { MaxResultBytes = 500 } });

        using var request = new HttpRequestMessage(HttpMethod.Post, "/runs");
        request.Headers.Add("Idempotency-Key", "k1");
        request.Headers.Add("X-User", "alice");
        using var response = await app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        gate.SetResult();
        Assert.Equal(1_000, (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Length);
    }

    [Fact]
    public async Task A_streamed_response_goes_out_while_it_is_made_and_leaves_a_tombstone()
    {
        var gate = new TaskCompletionSource();
        await using var app = await AppAsync(async context =>
        {
            context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
            await context.Response.WriteAsync("first ");
            await context.Response.Body.FlushAsync();
            await gate.Task;
            await context.Response.WriteAsync("second");
        });

        using var request = new HttpRequestMessage(HttpMethod.Post, "/runs");
        request.Headers.Add("Idempotency-Key", "k1");
        request.Headers.Add("X-User", "alice");
        using var response = await app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        var buffer = new byte[6];
        await stream.ReadExactlyAsync(buffer, TestContext.Current.CancellationToken);
        Assert.Equal("first ", Encoding.ASCII.GetString(buffer));
        gate.SetResult();
        await stream.ReadExactlyAsync(buffer, TestContext.Current.CancellationToken);
        Assert.Equal("second", Encoding.ASCII.GetString(buffer));
        Assert.Equal(0, await stream.ReadAsync(buffer, TestContext.Current.CancellationToken)); // the end is sent after the record is written

        using var again = new HttpRequestMessage(HttpMethod.Post, "/runs");
        again.Headers.Add("Idempotency-Key", "k1");
        again.Headers.Add("X-User", "alice");
        await ProblemAsync(await app.Client.SendAsync(again, TestContext.Current.CancellationToken), 409, "result-not-kept");
    }

    [Fact]
    public async Task A_client_that_goes_away_does_not_stop_the_work_and_its_retry_gets_the_result()
    {
        var started = new TaskCompletionSource();
        var gate = new TaskCompletionSource();
        var finished = new TaskCompletionSource<bool>();
        await using var app = await AppAsync(async context =>
        {
            started.SetResult();
            await gate.Task;
            finished.SetResult(context.RequestAborted.IsCancellationRequested);
            await context.Response.WriteAsync("done");
        }, e => e with { Policy = e.Policy with { WaitForResult = TimeSpan.FromSeconds(20) } });

        using var client = new CancellationTokenSource();
        var first = app.PostAsync("/runs", cancellationToken: client.Token);
        await started.Task;
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        gate.SetResult();

        Assert.False(await finished.Task);
        Assert.Equal("done", await (await app.PostAsync("/runs")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task Where_keys_must_carry_a_time_others_are_answered_400()
    {
        await using var app = await AppAsync(Created, e => e with { RequireTimedKeys = true });

        await ProblemAsync(await app.PostAsync("/runs", key: Guid.NewGuid().ToString()), 400, "key-without-time");
        Assert.Equal(201, (int)(await app.PostAsync("/runs", key: Guid.CreateVersion7(app.Time.GetUtcNow()).ToString())).StatusCode);
        Assert.Equal(201, (int)(await app.PostAsync("/runs", key: $"idempotency:a:b:c:d:{app.Time.GetUtcNow().ToUnixTimeSeconds()}")).StatusCode);
    }

    [Fact]
    public async Task A_key_with_a_time_is_executed_replayed_and_in_the_end_refused()
    {
        await using var app = await AppAsync(Created);
        var key = Guid.CreateVersion7(app.Time.GetUtcNow()).ToString();

        Assert.Equal(201, (int)(await app.PostAsync("/runs", key)).StatusCode);
        app.Time.Advance(TimeSpan.FromMinutes(30));
        Assert.True((await app.PostAsync("/runs", key)).Headers.Contains("Idempotent-Replayed"));
        app.Time.Advance(TimeSpan.FromMinutes(40));
        await ProblemAsync(await app.PostAsync("/runs", key), 400, "key-time-out-of-range");
        await ProblemAsync(await app.PostAsync("/runs", Guid.CreateVersion7(app.Time.GetUtcNow().AddSeconds(2900)).ToString()), 400, "key-time-out-of-range");
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_store_that_is_down_is_answered_503_and_nothing_runs()
    {
        await using var app = await TestApp.StartAsync(
            routes => routes.MapPost("/runs", () => ++_runs).RequireIdempotency(),
            services: services => services.AddSingleton<IIdempotencyStore, StoreThatIsDown>().AddFakeLogging());

        var response = await app.PostAsync("/runs");

        await ProblemAsync(response, 503, "store-unavailable");
        Assert.Equal(TimeSpan.FromSeconds(5), response.Headers.RetryAfter!.Delta);
        Assert.Equal(0, _runs);
        Assert.Contains(app.Services.GetFakeLogCollector().GetSnapshot(), log => log.Id.Id == 1150 && log.Message.Contains("POST /runs", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_endpoint_changes_what_its_group_made()
    {
        await using var app = await TestApp.StartAsync(routes =>
        {
            var group = routes.MapGroup("/g").RequireIdempotency(e => e with { MaxRequestBytes = 10 });
            group.MapPost("/small", () => ++_runs);
            group.MapPost("/large", () => ++_runs).WithIdempotency(e => e with { MaxRequestBytes = 100 });
        });
        var body = new string('x', 50);

        await ProblemAsync(await app.PostAsync("/g/small", body: body), 413, "request-too-large");
        Assert.Equal(200, (int)(await app.PostAsync("/g/large", body: body)).StatusCode);
        await ProblemAsync(await app.PostAsync("/g/large", key: null), 400, "key-missing");
    }

    [Fact]
    public async Task The_endpoint_sees_its_fence()
    {
        long fence = 0;
        await using var app = await AppAsync(context =>
        {
            fence = context.Features.GetRequiredFeature<IdempotencyContext>().Fence;
            return Task.CompletedTask;
        });

        await app.PostAsync("/runs");

        Assert.True(fence > 0);
    }
}
