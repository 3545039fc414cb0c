using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Topology.Dlq;
using Topology.Saga;

namespace Topology.Resilience.Tests;

/// <summary>A whole service as Kubernetes sees it: its probes over HTTP, with the loops and checks of every package behind them.</summary>
public sealed class ProbeTests
{
    private static readonly TimeSpan s_outage = TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1" ? 60 : 3);

    private static readonly SagaDefinition<string> s_saga = SagaDefinition.Create<string>("probed", TestJson.Default)
        .Step("pay", static (_, _) => default)
        .Build();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_processor_that_ignores_the_end_of_its_time_fails_live_alone_until_it_returns()
    {
        var stuck = new Stuck();
        var time = new FakeTimeProvider();
        await using var service = await Service.StartAsync(topology =>
        {
            topology.UseInMemory().AddSaga(s_saga).AddDeadLetterProcessors();
            topology.Services.AddSingleton<TimeProvider>(time).AddSingleton(stuck).AddDeadLetterProcessor<Endless>(DeadLetterQueueNames.AgentRun);
        });
        await service.ReadyAsync();
        await PublishAsync(service, "one");
        await stuck.Began.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        Assert.Equal(HttpStatusCode.OK, await service.CodeAsync("/health/live"));

        await FailsAsync(service, time, "topology.dlq.loops");
        Assert.Equal(HttpStatusCode.OK, await service.CodeAsync("/health/ready"));
        stuck.End.SetResult();
        await PassAsync(time, async () => await service.CodeAsync("/health/live") == HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_saga_worker_that_hangs_in_its_store_fails_live()
    {
        var stuck = new Stuck();
        var time = new FakeTimeProvider();
        await using var service = await Service.StartAsync(topology =>
        {
            topology.UseInMemory().AddSaga(s_saga).AddDeadLetterProcessors();
            topology.Services.AddSingleton<TimeProvider>(time).Replace(ServiceDescriptor.Singleton<ISagaDispatcher>(new HangingDispatcher(stuck)));
        });
        await service.ReadyAsync();
        await stuck.Began.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        Assert.Equal(HttpStatusCode.OK, await service.CodeAsync("/health/live"));

        await FailsAsync(service, time, "topology.saga.loops");
        stuck.End.SetResult();
    }

    [Fact]
    public async Task While_Redis_and_NATS_are_away_live_stays_200_ready_turns_503_once_and_work_goes_on_afterwards()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        var stuck = new Stuck();
        stuck.End.SetResult();
        await using var service = await Service.StartAsync(
            topology =>
            {
                topology.UseRedis().UseNats().AddSaga(s_saga).AddDeadLetterProcessors();
                topology.Services.AddSingleton(stuck).AddDeadLetterProcessor<Endless>(DeadLetterQueueNames.AgentRun);
            },
            new()
            {
                ["ConnectionStrings:redis"] = $"{redis.ConnectionString},connectTimeout=1000",
                ["ConnectionStrings:nats"] = nats.Url,
                ["Topology:health:period"] = "100ms",
                ["Topology:health:timeout"] = "1s",
            });
        await service.ReadyAsync();
        using var watch = new ProbeWatch(service.Address);
        await nats.KillAsync(Token);
        await redis.KillAsync(Token);
        await Until.True(() => watch.Ready is [HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable], cancellationToken: Token);

        await Task.Delay(s_outage, Token);
        await redis.StartAgainAsync(Token);
        await nats.StartAgainAsync(Token);
        await Until.True(() => watch.Ready.Count == 3, cancellationToken: Token);

        await PublishAsync(service, "after");
        await stuck.Began.Task.WaitAsync(TimeSpan.FromSeconds(60), Token);
        var saga = service.App.Services.GetRequiredService<ISagaClient>();
        var id = await saga.StartAsync(s_saga, "after", "input", cancellationToken: Token);
        await Until.True(async () => (await saga.GetAsync(id, Token))?.Status == SagaStatus.Completed, cancellationToken: Token);

        var probes = watch.Probes;
        await Until.True(() => watch.Probes > probes + 20, cancellationToken: Token);
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK], watch.Ready);
        Assert.Equal([HttpStatusCode.OK], watch.Live);
    }

    [Fact]
    public async Task From_the_first_moment_of_a_stop_ready_is_503_live_is_200_and_a_letter_waits_for_another_process()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        var (first, second) = (new Stuck(), new Stuck());
        await using var stopping = await StartAsync(first);
        await stopping.ReadyAsync();

        stopping.App.Lifetime.StopApplication();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await stopping.CodeAsync("/health/ready"));
        Assert.Equal(HttpStatusCode.OK, await stopping.CodeAsync("/health/live"));
        await PublishAsync(stopping, "late");
        await using var other = await StartAsync(second);
        await second.Began.Task.WaitAsync(TimeSpan.FromSeconds(60), Token);
        Assert.False(first.Began.Task.IsCompleted);

        Task<Service> StartAsync(Stuck stuck)
        {
            stuck.End.SetResult();
            return Service.StartAsync(
                topology =>
                {
                    topology.UseNats().UseInMemory().AddSaga(s_saga).AddDeadLetterProcessors();
                    topology.Services.AddSingleton(stuck).AddDeadLetterProcessor<Endless>(DeadLetterQueueNames.AgentRun);
                },
                new() { ["ConnectionStrings:nats"] = nats.Url, ["Topology:health:period"] = "100ms" });
        }
    }

    private static async Task PublishAsync(Service service, string id) => await service.App.Services.GetRequiredService<IDeadLetterPublisher>().PublishAsync(
        new DeadLetter
        {
            Queue = DeadLetterQueueNames.AgentRun,
            Id = id,
            Subject = "agent.run.requested",
            Tenant = "acme",
            Reason = DeadLetterReasons.MaxAttempts,
            FirstFailedAt = DateTimeOffset.UtcNow,
            LastFailedAt = DateTimeOffset.UtcNow,
            Attempts = 3,
        },
        Token);

    private static Task PassAsync(FakeTimeProvider time, Func<Task<bool>> until) => Until.True(
        () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return until();
        },
        cancellationToken: Token);

    /// <summary>Lets time pass until live fails, and asks the management port which check it was.</summary>
    private static async Task FailsAsync(Service service, FakeTimeProvider time, string check)
    {
        await PassAsync(time, async () => await service.CodeAsync("/health/live") == HttpStatusCode.ServiceUnavailable);
        var live = await service.DetailAsync("/health/live");
        Assert.Equal("unhealthy", live.GetProperty("status").GetString());
        var failed = Assert.Single(live.GetProperty("checks").EnumerateArray(), entry => entry.GetProperty("status").GetString() != "healthy");
        Assert.Equal((check, "loop_silent"), (failed.GetProperty("name").GetString(), failed.GetProperty("code").GetString()));
    }

    private sealed class Stuck
    {
        public TaskCompletionSource Began { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Endless(Stuck stuck) : IDeadLetterProcessor
    {
        public async ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken)
        {
            stuck.Began.TrySetResult();
            await stuck.End.Task;
            return DeadLetterVerdict.Done;
        }
    }

    private sealed class HangingDispatcher(Stuck stuck) : ISagaDispatcher
    {
        public async IAsyncEnumerable<ISagaLease> LeaseAsync(
            IReadOnlySet<string> definitions, Func<int> free, Action beat, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            stuck.Began.TrySetResult();
            await stuck.End.Task;
            yield break;
        }

        public ValueTask<bool> TryStartAsync(SagaStart start, CancellationToken cancellationToken) => new(true);

        public ValueTask WakeAsync(SagaId id, CancellationToken cancellationToken) => default;

        public ValueTask SetTimerAsync(SagaId id, string stepId, TimeSpan delay, CancellationToken cancellationToken) => default;

        public ValueTask<SagaStart?> FindStartAsync(SagaId id, CancellationToken cancellationToken) => new((SagaStart?)null);

        public ValueTask ForgetAsync(SagaId id, CancellationToken cancellationToken) => default;
    }

    private sealed class Service : IAsyncDisposable
    {
        private readonly HttpClient _client = new();
        private readonly int _managementPort;

        private Service(WebApplication app, int managementPort) => (App, _managementPort) = (app, managementPort);

        public WebApplication App { get; }

        public Uri Address => new(App.Urls.Single(url => new Uri(url).Port != _managementPort));

        public static async Task<Service> StartAsync(Action<ITopologyBuilder> register, Dictionary<string, string?>? settings = null)
        {
            var port = FreePort();
            var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Development" });
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0", $"http://127.0.0.1:{port}");
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Topology:health:management_port"] = $"{port}",
                ["Topology:health:drain_delay"] = "0s",
                ["Topology:health:max_thread_pool_delay"] = "5m", // the clock of a test runs ahead of its threads
                ["Topology:dlq_config:consumers:0:stream"] = DeadLetterQueueNames.AgentRun,
                ["Topology:dlq_config:consumers:0:name"] = "probed",
            });
            builder.Configuration.AddInMemoryCollection(settings ?? []);
            register(builder.Services.AddTopologyResilience(builder.Configuration));
            builder.Services.ConfigureAll<DeadLetterQueueOptions>(queue => queue.MaxBytes = 1 << 20);
            builder.Services.Configure<JetStreamDeadLetterOptions>(options => options.MaxMarkBytes = 1 << 20);
            var app = builder.Build();
            app.MapTopologyHealth();
            await app.StartAsync(Token);
            return new Service(app, port);
        }

        public Task ReadyAsync() => Until.True(async () => await CodeAsync("/health/ready") == HttpStatusCode.OK, cancellationToken: Token);

        public async Task<HttpStatusCode> CodeAsync(string path)
        {
            using var response = await _client.GetAsync(new Uri(Address, path), Token);
            return response.StatusCode;
        }

        public async Task<JsonElement> DetailAsync(string path)
        {
            using var response = await _client.GetAsync(new Uri($"http://127.0.0.1:{_managementPort}{path}"), Token);
            return JsonDocument.Parse(await response.Content.ReadAsStringAsync(Token)).RootElement;
        }

        public async ValueTask DisposeAsync()
        {
            _client.Dispose();
            await App.DisposeAsync();
        }

        private static int FreePort()
        {
            using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
    }
}
