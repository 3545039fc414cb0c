using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Topology.Retry;

namespace Topology.Dlq.Tests;

public sealed class ProcessorTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_is_recorded_compensated_and_told_in_that_order_once_each_and_waits_for_a_person()
    {
        await using var test = new Bench(services => services.AddDeadLetterStep<Compensate>(DeadLetterQueueNames.AgentRun).AddDeadLetterAlertSink<Tell>());
        await test.House.Publisher.PublishAsync(test.House.Letter("a", DeadLetterQueueNames.AgentRun), Token);
        await test.UntilAsync(async () => (await test.GetAsync(DeadLetterQueueNames.AgentRun, "a"))?.ParkReason == "processed");
        Assert.Equal(["compensate", "tell"], test.Done);
        Assert.Equal(
            ["record", "step:compensate", "alert:log", "alert:tell"],
            (await test.House.Provider.ReadMarkAsync(DeadLetterQueueNames.AgentRun, "a", Token)).Steps);
    }

    [Fact]
    public async Task A_failing_alert_never_repeats_a_compensation()
    {
        await using var test = new Bench(services => services.AddDeadLetterStep<Compensate>(DeadLetterQueueNames.AgentRun).AddDeadLetterAlertSink<Tell>());
        test.Fails.Add("tell");
        await test.House.Publisher.PublishAsync(test.House.Letter("a", DeadLetterQueueNames.AgentRun), Token);
        await test.UntilAsync(async () => (await test.GetAsync(DeadLetterQueueNames.AgentRun, "a"))?.Status == DeadLetterStatus.Parked);
        Assert.Single(test.Done, "compensate");
        Assert.Equal(15, test.Tried.Count(what => what == "tell"));
    }

    [Fact]
    public async Task A_compensation_that_keeps_failing_is_tried_as_often_as_it_may_and_people_are_told_all_the_same()
    {
        await using var test = new Bench(services => services.AddDeadLetterStep<Compensate>(DeadLetterQueueNames.AgentRun).AddDeadLetterAlertSink<Tell>());
        test.Fails.Add("compensate");
        await test.House.Publisher.PublishAsync(test.House.Letter("a", DeadLetterQueueNames.AgentRun), Token);
        await test.UntilAsync(async () => (await test.GetAsync(DeadLetterQueueNames.AgentRun, "a"))?.ParkReason == "processor-failed");
        Assert.Equal(3, test.Tried.Count(what => what == "compensate"));
        Assert.Equal(["tell"], test.Done);
    }

    [Fact]
    public async Task A_tool_is_called_five_times_after_2_4_8_16_and_32_seconds_and_then_parked()
    {
        await using var test = new Bench(services => services
            .AddToolCallHandler<Tool>()
            .Configure<RetryProfileOptions>(RetryProfileNames.ToolCalls, profile => profile.Jitter = RetryJitter.None));
        test.Fails.Add("tool");
        var began = test.House.Time.GetUtcNow();
        await test.House.Publisher.PublishAsync(test.House.Letter("a", DeadLetterQueueNames.ToolCall), Token);
        await test.UntilAsync(async () => (await test.GetAsync(DeadLetterQueueNames.ToolCall, "a"))?.ParkReason == "processor-failed");
        var calls = test.Calls.ToArray();
        Assert.Equal([1, 2, 3, 4, 5], calls.Select(call => call.Attempt));
        var waits = calls.Select((call, i) => (call.At - (i == 0 ? began : calls[i - 1].At)).TotalSeconds).ToArray();
        double[] expected = [2, 4, 8, 16, 32];
        for (var i = 0; i < 5; i++)
            Assert.InRange(waits[i], expected[i], expected[i] + 1.5);
    }

    [Fact]
    public async Task A_tool_call_that_succeeds_closes_its_letter_and_one_that_never_can_is_parked_at_once()
    {
        await using var test = new Bench(services => services.AddToolCallHandler<Tool>());
        test.Fails.Add("tool-2");
        await test.House.Publisher.PublishAsync(test.House.Letter("a", DeadLetterQueueNames.ToolCall), Token);
        await test.UntilAsync(async () => (await test.House.Provider.ReadMarkAsync(DeadLetterQueueNames.ToolCall, "a", Token)).Closed == "done");
        Assert.Equal(2, test.Calls.Count);

        test.Calls.Clear();
        test.Fails.Add("tool-never");
        await test.House.Publisher.PublishAsync(test.House.Letter("b", DeadLetterQueueNames.ToolCall), Token);
        await test.UntilAsync(async () => (await test.GetAsync(DeadLetterQueueNames.ToolCall, "b"))?.Status == DeadLetterStatus.Parked);
        Assert.Single(test.Calls);
    }

    [Fact]
    public async Task A_webhook_that_fails_is_posted_to_again_under_the_same_key()
    {
        using var server = Listen(out var port);
        var posts = new ConcurrentQueue<(string Key, string Body)>();
        var serving = Task.Run(async () =>
        {
            for (var i = 0; i < 4; i++)
            {
                var context = await server.GetContextAsync();
                using var reader = new StreamReader(context.Request.InputStream);
                posts.Enqueue((context.Request.Headers["Idempotency-Key"] ?? "", await reader.ReadToEndAsync(Token)));
                context.Response.StatusCode = i switch { 0 => 500, 1 => 404, 2 => 302, _ => 204 };
                context.Response.Close();
            }
        }, Token);
        await using var test = new Bench(services => services.AddDeadLetterWebhook("hook", new Uri($"http://127.0.0.1:{port}/alerts")));
        await test.House.Publisher.PublishAsync(test.House.Letter("a"), Token);
        await test.UntilAsync(async () => (await test.GetAsync(DeadLetterHouse.Queue, "a"))?.ParkReason == "alert-only");
        await serving;
        Assert.All(posts, post => Assert.Equal($"{DeadLetterHouse.Queue}:a", post.Key));
        using var body = JsonDocument.Parse(posts.Last().Body);
        Assert.Equal("a", body.RootElement.GetProperty("id").GetString());
        Assert.Equal("run-1", body.RootElement.GetProperty("workflow_id").GetString());
        Assert.Equal("compensation-exhausted", body.RootElement.GetProperty("reason").GetString());
    }

    [Fact]
    public async Task A_webhook_that_never_takes_an_alert_repeats_no_compensation_and_the_letter_is_parked_in_the_end()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var port = ((IPEndPoint)server.LocalEndpoint).Port;
        var posts = 0;
        var serving = Task.Run(async () =>
        {
            while (true)
            {
                using var client = await server.AcceptTcpClientAsync(Token);
                await client.GetStream().ReadExactlyAsync(new byte[1], Token);

                // Every second time the connection breaks before the answer.
                if (Interlocked.Increment(ref posts) % 2 == 1)
                    await client.GetStream().WriteAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), Token);
            }
        }, Token);
        await using var test = new Bench(services => services
            .AddDeadLetterStep<Compensate>(DeadLetterQueueNames.AgentRun)
            .AddDeadLetterWebhook("hook", new Uri($"http://127.0.0.1:{port}/alerts")));
        using var failures = new MetricCollector<long>(test.House.Services.GetRequiredService<IMeterFactory>(), "Topology.Dlq", "topology.dlq.alert_failures");
        await test.House.Publisher.PublishAsync(test.House.Letter("a", DeadLetterQueueNames.AgentRun), Token);
        await test.UntilAsync(async () => (await test.GetAsync(DeadLetterQueueNames.AgentRun, "a"))?.Status == DeadLetterStatus.Parked);
        server.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => serving);
        Assert.Single(test.Done, "compensate");
        Assert.Equal("processor-failed", (await test.GetAsync(DeadLetterQueueNames.AgentRun, "a"))!.ParkReason);
        Assert.Equal(15, posts); // five tries of api_calls in each of three tries of the letter
        Assert.Equal(3, failures.GetMeasurementSnapshot().Sum(measurement => measurement.Value));
    }

    private static HttpListener Listen(out int port)
    {
        while (true)
        {
            port = Random.Shared.Next(10_000, 32_000);
            var server = new HttpListener();
            server.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                server.Start();
                return server;
            }
            catch (HttpListenerException)
            {
                // Taken.
            }
        }
    }

    private sealed class Bench : IAsyncDisposable
    {
        private readonly Task _starting;

        public Bench(Action<IServiceCollection> configure)
        {
            House = new DeadLetterHouse(services =>
            {
                services.AddSingleton(this);
                configure(services);
            });
            _starting = House.StartAsync(Token);
        }

        public DeadLetterHouse House { get; }

        public ConcurrentQueue<string> Tried { get; } = new();

        public ConcurrentQueue<string> Done { get; } = new();

        public ConcurrentBag<string> Fails { get; } = [];

        public ConcurrentQueue<(int Attempt, DateTimeOffset At)> Calls { get; } = new();

        public void Do(string what)
        {
            Tried.Enqueue(what);
            if (Fails.Contains(what))
                throw new HttpRequestException(what);
            Done.Enqueue(what);
        }

        public async Task<DeadLetter?> GetAsync(string queue, string id) => await House.Store.GetAsync(queue, id, Token);

        public async Task UntilAsync(Func<Task<bool>> condition)
        {
            await _starting;
            var began = TimeProvider.System.GetTimestamp();
            while (!await condition())
            {
                Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30), "It did not happen within 30 s.");
                await Task.Delay(2, Token);
                House.Time.Advance(TimeSpan.FromMilliseconds(250));
            }
        }

        public ValueTask DisposeAsync() => House.DisposeAsync();
    }

    private sealed class Compensate(Bench bench) : IDeadLetterStep
    {
        public string Name => "compensate";

        public ValueTask RunAsync(DeadLetter letter, CancellationToken cancellationToken)
        {
            bench.Do("compensate");
            return default;
        }
    }

    private sealed class Tell(Bench bench) : IDeadLetterAlertSink
    {
        public string Name => "tell";

        public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
        {
            bench.Do("tell");
            return default;
        }
    }

    private sealed class Tool(Bench bench) : IToolCallHandler
    {
        public ValueTask CallAsync(DeadLetter letter, int attempt, CancellationToken cancellationToken)
        {
            bench.Calls.Enqueue((attempt, bench.House.Time.GetUtcNow()));
            if (bench.Fails.Contains("tool-never"))
                throw new PermanentException("never");
            if (bench.Fails.Contains("tool") || (bench.Fails.Contains("tool-2") && attempt < 2))
                throw new HttpRequestException("away");
            return default;
        }
    }
}
