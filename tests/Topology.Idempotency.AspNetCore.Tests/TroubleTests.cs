using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using static Topology.Idempotency.AspNetCore.Tests.IdempotencyMiddlewareTests;

namespace Topology.Idempotency.AspNetCore.Tests;

/// <summary>What a caller is told when its request or the record of its key is not as it should be.</summary>
public sealed class TroubleTests
{
    private static readonly IdempotencyRecordKey Key = IdempotencyRecordKey.ForClientKey("acme", "alice", "POST /runs", "k1");
    private TroubledStore _store = null!;
    private int _runs;

    private Task<TestApp> AppAsync(
        RequestDelegate? handler = null, Func<IdempotencyEndpoint, IdempotencyEndpoint>? configure = null, Action<IdempotencyHttpOptions>? options = null) =>
        TestApp.StartAsync(
            routes => routes.MapPost("/runs", context =>
            {
                Interlocked.Increment(ref _runs);
                return handler?.Invoke(context) ?? context.Response.WriteAsync("done");
            }).RequireIdempotency(configure),
            options,
            services => services.AddSingleton<IIdempotencyStore>(provider => _store = new TroubledStore(new ServiceCollection()
                .AddSingleton(provider.GetRequiredService<TimeProvider>())
                .AddInMemoryIdempotencyStore()
                .BuildServiceProvider()
                .GetRequiredService<IIdempotencyStore>())));

    [Fact]
    public async Task While_the_first_runs_the_second_waits_when_the_endpoint_says_so()
    {
        var gate = new TaskCompletionSource();
        var started = new TaskCompletionSource();
        await using var app = await AppAsync(
            async context =>
            {
                started.TrySetResult();
                await gate.Task;
                await context.Response.WriteAsync("done");
            },
            e => e with { Policy = e.Policy with { WaitForResult = TimeSpan.FromSeconds(20) } });

        var first = app.PostAsync("/runs");
        await started.Task;
        var second = app.PostAsync("/runs");
        await Task.WhenAny(_store.Waited.Task, second); // a second that does not wait is answered
        gate.SetResult();

        Assert.Equal("done", await (await second).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await first;
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_sealed_key_is_answered_409_and_never_runs()
    {
        await using var app = await AppAsync();
        await app.Services.GetRequiredService<IIdempotentExecutor>().SealAsync(Key, cancellationToken: TestContext.Current.CancellationToken);

        var problem = await ProblemAsync(await app.PostAsync("/runs"), 409, "sealed");
        Assert.False(problem.GetProperty("retryable").GetBoolean());
        Assert.Equal(0, _runs);
    }

    [Fact]
    public async Task A_damaged_record_is_answered_500_and_never_runs_again()
    {
        await using var app = await AppAsync();
        await app.PostAsync("/runs");
        _store.Damages = true;

        await ProblemAsync(await app.PostAsync("/runs"), 500, "record-corrupt");
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task An_owner_that_lost_its_claim_is_told_to_come_back_and_its_response_stays_here()
    {
        await using var app = await AppAsync(context =>
        {
            context.Response.StatusCode = 201;
            context.Response.Headers.Location = "/runs/1";
            return context.Response.WriteAsync("mine");
        });
        await app.PostAsync("/runs", key: "another"); // makes the store
        _store.Fences = true;

        var response = await app.PostAsync("/runs");

        await ProblemAsync(response, 409, "in-progress");
        Assert.Null(response.Headers.Location);
        Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task Work_that_still_runs_after_six_minutes_is_answered_409_and_runs_once()
    {
        var started = new TaskCompletionSource();
        var gate = new TaskCompletionSource();
        await using var app = await AppAsync(async context =>
        {
            started.TrySetResult();
            await gate.Task;
            await context.Response.WriteAsync("done");
        });
        var key = Guid.CreateVersion7(app.Time.GetUtcNow()).ToString();
        var first = app.PostAsync("/runs", key);
        await started.Task;
        for (var i = 0; i < 36; i++)
            app.Time.Advance(TimeSpan.FromSeconds(10)); // the lease is renewed in time

        await ProblemAsync(await app.PostAsync("/runs", key), 409, "in-progress");
        gate.SetResult();
        await first;
        Assert.True((await app.PostAsync("/runs", key)).Headers.Contains("Idempotent-Replayed"));
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task Under_quarantine_an_exception_is_never_run_again()
    {
        await using var app = await AppAsync(_ => throw new TimeoutException(), e => e with { Policy = e.Policy with { OnAbandoned = AbandonedClaim.Quarantine } });

        Assert.Equal(500, (int)(await app.PostAsync("/runs")).StatusCode);
        await ProblemAsync(await app.PostAsync("/runs"), 409, "outcome-unknown");
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_body_of_unknown_length_that_turns_out_too_large_is_answered_413_before_anything_is_claimed()
    {
        await using var app = await AppAsync(configure: e => e with { MaxRequestBytes = 10_000 });

        await ProblemAsync(await app.PostAsync("/runs", new Chunked(10_001)), 413, "request-too-large");
        Assert.Equal(HttpStatusCode.OK, (await app.PostAsync("/runs", new Chunked(10_000))).StatusCode);
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task An_event_stream_leaves_a_tombstone_whatever_its_size()
    {
        await using var app = await AppAsync(context =>
        {
            context.Response.ContentType = "text/event-stream";
            return context.Response.WriteAsync("data: 1\n\n");
        });

        Assert.Equal("data: 1\n\n", await (await app.PostAsync("/runs")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await ProblemAsync(await app.PostAsync("/runs"), 409, "result-not-kept");
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task The_options_name_the_header_and_say_how_strictly_it_is_read()
    {
        await using var app = await AppAsync(options: options =>
        {
            options.HeaderName = "X-Once";
            options.RequireQuotedKey = true;
            options.MaxKeyLength = 3;
        });

        async Task<HttpResponseMessage> PostAsync(params string[] lines)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/runs");
            request.Headers.Add("X-User", "alice");
            foreach (var line in lines)
                request.Headers.TryAddWithoutValidation("X-Once", line);
            return await app.Client.SendAsync(request, TestContext.Current.CancellationToken);
        }

        await ProblemAsync(await app.PostAsync("/runs"), 400, "key-missing");
        await ProblemAsync(await PostAsync("abc"), 400, "key-malformed");
        await ProblemAsync(await PostAsync("\"abcd\""), 400, "key-malformed");
        await ProblemAsync(await PostAsync("\"abc\"", "\"abc\""), 400, "key-malformed");
        Assert.Equal(HttpStatusCode.OK, (await PostAsync("\"abc\"")).StatusCode);
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task Headers_are_replayed_line_by_line_and_bodies_byte_by_byte()
    {
        var body = new byte[] { 0, 255, 13, 10, 0xC3, 0x28 };
        await using var app = await AppAsync(async context =>
        {
            context.Response.Headers.Append("Link", "</a>; rel=\"next\"");
            context.Response.Headers.Append("Link", "</b>; rel=\"last\"");
            context.Response.Headers.ETag = "\"1\"";
            context.Response.Headers["X-Other"] = "not kept";
            context.Response.ContentType = "application/octet-stream";
            await context.Response.BodyWriter.WriteAsync(body);
        });

        await app.PostAsync("/runs");
        var replay = await app.PostAsync("/runs");

        Assert.Equal(body, await replay.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["</a>; rel=\"next\"", "</b>; rel=\"last\""], replay.Headers.GetValues("Link"));
        Assert.Equal("\"1\"", replay.Headers.ETag!.Tag);
        Assert.False(replay.Headers.Contains("X-Other"));
    }

    /// <summary>Content that is sent in chunks, so that nobody knows its length before its end.</summary>
    private sealed class Chunked(int length) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            stream.WriteAsync(Encoding.ASCII.GetBytes(new string('x', length))).AsTask();

        protected override bool TryComputeLength(out long computed)
        {
            computed = 0;
            return false;
        }
    }
}
