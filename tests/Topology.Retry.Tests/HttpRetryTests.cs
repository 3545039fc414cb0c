using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Retry.Tests;

/// <summary>Against a real Kestrel server: each test scripts what the server does with call 1, 2, 3…</summary>
public sealed class HttpRetryTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<(string Method, string Body, string? TraceParent)> _seen = new();
    private readonly FakeLogCollector _log = FakeLogCollector.Create(new FakeLogCollectorOptions());
    private readonly List<RetryEvent> _events = [];
    private WebApplication _server = null!;
    private Func<int, HttpContext, Task> _script = static (_, _) => Task.CompletedTask;
    private int _calls;
    private ServiceProvider? _provider;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.Run(async context =>
        {
            var call = Interlocked.Increment(ref _calls);
            using var reader = new StreamReader(context.Request.Body);
            _seen.Enqueue((context.Request.Method, await reader.ReadToEndAsync(context.RequestAborted), context.Request.Headers.TraceParent));
            await _script(call, context);
        });
        await _server.StartAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_provider is not null)
        {
            await _provider.DisposeAsync();
        }

        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_transient_status_is_tried_again(int status)
    {
        Answers(status, status, 200);
        using var response = await Client().GetAsync("/", Token);

        Assert.Equal((HttpStatusCode.OK, 3), (response.StatusCode, _calls));
        Assert.All(_events, retry => Assert.Equal($"{status}", retry.ErrorType));
    }

    [Fact]
    public async Task Any_other_status_is_the_answer()
    {
        Answers(404);
        using var response = await Client().GetAsync("/", Token);

        Assert.Equal((HttpStatusCode.NotFound, 1), (response.StatusCode, _calls));
    }

    [Fact]
    public async Task When_every_try_fails_the_last_response_is_the_answer()
    {
        Answers(503, 502, 429);
        using var response = await Client().GetAsync("/", Token);

        Assert.Equal((HttpStatusCode.TooManyRequests, 3), (response.StatusCode, _calls));
        Assert.Equal("body of 429", await response.Content.ReadAsStringAsync(Token));
    }

    [Fact]
    public async Task A_cut_connection_is_tried_again()
    {
        _script = static (call, context) =>
        {
            if (call == 1)
            {
                context.Abort();
            }

            return Task.CompletedTask;
        };
        using var response = await Client().GetAsync("/", Token);

        Assert.Equal((HttpStatusCode.OK, 2), (response.StatusCode, _calls));
        Assert.Equal("System.Net.Http.HttpRequestException", Assert.Single(_events).ErrorType);
    }

    [Fact]
    public async Task A_refused_connection_is_tried_again()
    {
        var address = _server.Urls.Single();
        await _server.StopAsync(Token);

        await Assert.ThrowsAsync<HttpRequestException>(() => Client().GetAsync(new Uri(address), Token));

        Assert.Equal(2, _events.Count);
    }

    [Fact]
    public async Task A_server_that_hangs_is_cut_off_by_the_attempt_timeout()
    {
        _script = static (call, context) => call == 1 ? Task.Delay(Timeout.Infinite, context.RequestAborted) : Task.CompletedTask;
        using var response = await Client(profile => profile.AttemptTimeout = TimeSpan.FromSeconds(3)).GetAsync("/", Token);

        Assert.Equal((HttpStatusCode.OK, 2), (response.StatusCode, _calls));
        Assert.IsType<TimeoutException>(Assert.Single(_events).Exception);
    }

    [Fact]
    public async Task Retry_after_in_seconds_is_honoured()
    {
        _script = static (call, context) => Later(call, context, "1");
        var started = Stopwatch.GetTimestamp();
        using var response = await Client().GetAsync("/", Token);

        Assert.True(Stopwatch.GetElapsedTime(started) >= TimeSpan.FromSeconds(1));
        Assert.Equal((RetryDelaySource.Server, 2), (Assert.Single(_events).DelaySource, _calls));
        Assert.InRange(_events[0].Delay, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1.1));
    }

    [Fact]
    public async Task Retry_after_as_a_date_is_honoured()
    {
        var date = DateTimeOffset.UtcNow.AddSeconds(2);
        _script = (call, context) => Later(call, context, date.ToString("R"));
        using var response = await Client().GetAsync("/", Token);

        // The header counts whole seconds.
        Assert.True(DateTimeOffset.UtcNow >= date.AddTicks(-(date.Ticks % TimeSpan.TicksPerSecond)), "It came back too early.");
        Assert.Equal(RetryDelaySource.Server, Assert.Single(_events).DelaySource);
    }

    [Fact]
    public async Task Retry_after_past_the_deadline_returns_the_real_429_at_once()
    {
        _script = static (call, context) => Later(call, context, "60");
        var started = Stopwatch.GetTimestamp();
        using var response = await Client(profile => profile.OverallTimeout = TimeSpan.FromSeconds(30)).GetAsync("/", Token);

        Assert.Equal((HttpStatusCode.TooManyRequests, 1), (response.StatusCode, _calls));
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(20));
        Assert.Equal("60", response.Headers.RetryAfter!.ToString());
        Assert.Empty(_events);
    }

    [Theory]
    [InlineData("GET", null, 3)]
    [InlineData("PUT", null, 3)]
    [InlineData("DELETE", null, 3)]
    [InlineData("POST", null, 1)]
    [InlineData("PATCH", null, 1)]
    [InlineData("POST", "key-1", 3)]
    [InlineData("PATCH", "key-1", 3)]
    [InlineData("POST", " ", 1)]
    public async Task Only_what_may_be_repeated_is_repeated(string method, string? idempotencyKey, int calls)
    {
        Answers(503, 503, 503);
        using var request = new HttpRequestMessage(new HttpMethod(method), "/");
        if (idempotencyKey is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        }

        using var response = await Client().SendAsync(request, Token);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, calls), (response.StatusCode, _calls));
    }

    [Fact]
    public async Task A_request_marked_to_be_sent_once_is_sent_once()
    {
        Answers(503, 200);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Options.Set(HttpRetryOptions.SendOnce, true);
        using var response = await Client().SendAsync(request, Token);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, 1), (response.StatusCode, _calls));
    }

    [Fact]
    public async Task Every_try_carries_the_whole_content()
    {
        Answers(503, 503, 200);
        using var once = new StreamContent(new OnlyForward("stream of a caller"u8.ToArray()));
        using var response = await Client().PutAsync("/", once, Token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(Enumerable.Repeat("stream of a caller", 3), _seen.Select(call => call.Body));
    }

    [Fact]
    public async Task Content_past_the_bound_is_a_clear_error_before_anything_is_sent()
    {
        using var once = new StreamContent(new OnlyForward(new byte[17]));
        var tooLarge = await Assert.ThrowsAsync<RetryContentTooLargeException>(() => Client(bound: 16).PutAsync("/", once, Token));

        Assert.Equal((16, 0), (tooLarge.Bound, _calls));
        Assert.StartsWith("HttpClient 'api': the request may be retried, but its content is larger than 16 bytes", tooLarge.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Content_that_is_sent_once_is_not_kept_and_not_bounded()
    {
        using var once = new StreamContent(new OnlyForward(new byte[17]));
        using var response = await Client(bound: 16).PostAsync("/", once, Token);

        Assert.Equal(17, _seen.Single().Body.Length);
    }

    [Fact]
    public async Task A_redirected_request_starts_again_where_it_began()
    {
        _script = static (call, context) =>
        {
            if (call == 1)
            {
                context.Response.Redirect("/elsewhere");
            }
            else
            {
                context.Response.StatusCode = call == 2 ? 503 : context.Request.Path == "/start" ? 200 : 500;
            }

            return Task.CompletedTask;
        };
        using var response = await Client().GetAsync("/start", Token);

        Assert.Equal((HttpStatusCode.OK, 3), (response.StatusCode, _calls));
    }

    [Fact]
    public async Task A_repeated_request_tells_traces_how_often_it_was_sent_and_has_its_own_span()
    {
        var resent = new ConcurrentQueue<object?>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name is "Topology.Retry" or "System.Net.Http",
            Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.Source.Name == "Topology.Retry" && activity.GetTagItem("server.port") is null)
                {
                    resent.Enqueue(activity.GetTagItem("http.request.resend_count"));
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        Answers(503, 503, 200);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        using var response = await Client().SendAsync(request, Token);

        Assert.Superset(new HashSet<object?> { 1, 2 }, resent.ToHashSet());
        Assert.True(request.Options.TryGetValue(HttpRetryOptions.ResendCount, out var count));
        Assert.Equal(2, count);
        Assert.Equal(3, _seen.Select(call => call.TraceParent).Where(parent => parent is not null).Distinct().Count());
    }

    [Fact]
    public async Task Replaced_responses_are_disposed()
    {
        var responses = new List<HttpResponseMessage>();
        Answers(503, 503, 503);
        var client = Client(handlers: builder => builder.AddHttpMessageHandler(() => new Recorder(responses)));
        using var response = await client.GetAsync("/", Token);

        Assert.Same(responses[2], response);
        Assert.Equal([true, true, false], responses.Select(IsDisposed));

        static bool IsDisposed(HttpResponseMessage response)
        {
            try
            {
                response.Content.ReadAsStream(CancellationToken.None);
                return false;
            }
            catch (ObjectDisposedException)
            {
                return true;
            }
        }
    }

    [Fact]
    public async Task Adding_it_twice_is_adding_it_once_with_the_later_profile()
    {
        Answers(503, 503, 503, 503, 503, 503, 503, 503, 503);
        var client = Client(handlers: static builder => builder.AddTopologyRetry("twice"));
        using var response = await client.GetAsync("/", Token);

        Assert.Equal(2, _calls);
        Assert.DoesNotContain(_log.GetSnapshot(), line => line.Id.Id == 1012);
    }

    [Fact]
    public async Task Another_retrying_handler_below_is_detected_and_logged_once()
    {
        var client = Client(handlers: static builder => builder.AddHttpMessageHandler(static () => new HandmadeRetryHandler()));
        using var first = await client.GetAsync("/", Token);
        using var second = await client.GetAsync("/", Token);

        var line = Assert.Single(_log.GetSnapshot(), line => line.Id.Id == 1012);
        Assert.Contains(nameof(HandmadeRetryHandler), line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_retrying_handler_above_is_detected_and_logged_once()
    {
        Answers(503, 503, 503, 200);
        var client = Client(above: static builder => builder.AddHttpMessageHandler(static () => new HandmadeRetryHandler()));
        using var response = await client.GetAsync("/", Token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Single(_log.GetSnapshot(), line => line.Id.Id == 1012);
    }

    [Fact]
    public void A_synchronous_send_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");

        Assert.Throws<NotSupportedException>(() => Client().Send(request, Token));
    }

    [Fact]
    public void The_default_timeout_becomes_the_attempt_timeout_when_the_profile_has_none()
    {
        var client = Client();

        // 3 tries of 100 s, 2 waits of at most 120 s, and one try more for the body.
        Assert.Equal(TimeSpan.FromSeconds((3 * 100) + (2 * 120) + 100), client.Timeout);
        Assert.Contains(_log.GetSnapshot(), line => line.Id.Id == 1010);
        Assert.Equal(TimeSpan.FromSeconds(100), _provider!.GetRequiredKeyedService<Internal.HttpRetryClient>("api").AttemptTimeout);
    }

    [Fact]
    public async Task The_default_timeout_cuts_off_each_try_that_hangs()
    {
        var time = new FakeTimeProvider();
        var hangs = new TaskCompletionSource();
        _script = (call, context) =>
        {
            hangs.TrySetResult();
            return call == 1 ? Task.Delay(Timeout.Infinite, context.RequestAborted) : Task.CompletedTask;
        };
        var running = Client(profile => profile.BaseDelay = TimeSpan.Zero, time: time).GetAsync("/", Token);
        await hangs.Task;
        time.Advance(TimeSpan.FromSeconds(100));

        using var response = await running;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("took longer than 100s", _events[0].Exception!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_default_timeout_is_lifted_when_the_profile_bounds_the_call()
    {
        var client = Client(profile => profile.AttemptTimeout = TimeSpan.FromSeconds(60));

        Assert.Equal(TimeSpan.FromSeconds((3 * 60) + (2 * 120) + 60), client.Timeout);
        Assert.Contains(_log.GetSnapshot(), line => line.Id.Id == 1011);
        Assert.Null(_provider!.GetRequiredKeyedService<Internal.HttpRetryClient>("api").AttemptTimeout);
    }

    [Fact]
    public void A_timeout_that_somebody_chose_stays()
    {
        var client = Client(above: static builder => builder.ConfigureHttpClient(static client => client.Timeout = TimeSpan.FromSeconds(7)));

        Assert.Equal(TimeSpan.FromSeconds(7), client.Timeout);
    }

    [Fact]
    public async Task The_callers_cancel_surfaces_at_once()
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Token);
        _script = async (_, context) =>
        {
            await caller.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Client().GetAsync("/", caller.Token));

        Assert.Equal(1, _calls);
        Assert.Empty(_events);
    }

    [Fact]
    public void An_unknown_profile_is_refused_with_the_known_names()
    {
        using var provider = new ServiceCollection().AddHttpClient("api").AddTopologyRetry("api_cals").Services.BuildServiceProvider();

        var refused = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IHttpClientFactory>().CreateClient("api"));
        Assert.Equal("HttpClient 'api': profile is 'api_cals'; it must be one of api_calls, database_operations, default, tool_calls.", refused.Message);
    }

    private static Task Later(int call, HttpContext context, string retryAfter)
    {
        if (call == 1)
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = retryAfter;
        }

        return Task.CompletedTask;
    }

    private void Answers(params int[] statuses) => _script = async (call, context) =>
    {
        context.Response.StatusCode = statuses[Math.Min(call, statuses.Length) - 1];
        await context.Response.WriteAsync($"body of {context.Response.StatusCode}", context.RequestAborted);
    };

    private HttpClient Client(
        Action<RetryProfileOptions>? configure = null,
        int bound = 1024,
        Action<IHttpClientBuilder>? handlers = null,
        Action<IHttpClientBuilder>? above = null,
        TimeProvider? time = null)
    {
        var services = new ServiceCollection();
        if (time is not null)
        {
            services.AddSingleton(time);
        }

        services.AddLogging(logging => logging.AddProvider(new FakeLoggerProvider(_log)).SetMinimumLevel(LogLevel.Debug));
        services.AddTopologyRetryProfile("test", profile =>
        {
            profile.BaseDelay = TimeSpan.FromMilliseconds(1);
            profile.OnRetry = _events.Add;
            configure?.Invoke(profile);
        });
        services.AddTopologyRetryProfile("twice", static profile => (profile.MaxAttempts, profile.BaseDelay) = (2, TimeSpan.Zero));
        var builder = services.AddHttpClient("api", client => client.BaseAddress = new Uri(_server.Urls.FirstOrDefault() ?? "http://127.0.0.1:9"));
        above?.Invoke(builder);
        builder.AddTopologyRetry("test", options => options.MaxBufferedContent = bound);
        handlers?.Invoke(builder);
        _provider = services.BuildServiceProvider();
        return _provider.GetRequiredService<IHttpClientFactory>().CreateClient("api");
    }

    private sealed class HandmadeRetryHandler : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            return (int)response.StatusCode >= 500 ? await base.SendAsync(request, cancellationToken) : response;
        }
    }

    private sealed class Recorder(List<HttpResponseMessage> responses) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            responses.Add(response);
            return response;
        }
    }

    /// <summary>A stream that can be read once, as from a network.</summary>
    private sealed class OnlyForward(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
