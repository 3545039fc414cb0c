using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Saga;

namespace Topology.Resilience.Tests;

/// <summary>A host whose servers are away, refuse it, are too old or are not as needed: it starts, is not ready, and says what to do.</summary>
public sealed partial class StartUpTests
{
    private static readonly SagaDefinition<string> s_definition = SagaDefinition.Create<string>("started", TestJson.Default)
        .Step("pay", static (_, _) => ValueTask.FromResult("paid"))
        .Build();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_servers_the_host_starts_and_is_not_ready_and_work_begins_when_they_come()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await nats.StopAsync(Token);
        await redis.StopAsync(Token);
        await using var app = await StartAsync(nats.Url, redis.ConnectionString);
        await app.ToldAsync("topology.idempotency.redis", "Redis does not answer");
        await app.ToldAsync("topology.dlq.nats", "NATS does not answer");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await app.ProbeAsync("ready"));
        Assert.Equal(HttpStatusCode.OK, await app.ProbeAsync("live"));

        await nats.StartAgainAsync(Token);
        await redis.StartAgainAsync(Token);
        await app.UntilReadyAsync();
        var letter = new DeadLetter { Queue = DeadLetterQueueNames.WorkflowCompensation, Id = "one", Subject = "subject", Reason = "test" };
        Assert.Equal(DeadLetterOutcome.Stored, (await app.Get<IDeadLetterPublisher>().PublishAsync(letter, Token)).Outcome);
        await Until.True(() => app.Alerts.Contains("one"), cancellationToken: Token);
        var executed = await app.Get<IIdempotentExecutor>().ExecuteAsync(
            IdempotencyRecordKey.Internal("t", "u", "o", "k"), RequestFingerprint.None, (_, _) => ValueTask.FromResult(new StoredResult()), null, Token);
        Assert.Equal(IdempotentStatus.Executed, executed.Status);
        var saga = await app.Get<ISagaClient>().StartAsync(s_definition, "one", "input", cancellationToken: Token);
        Assert.Equal(SagaStatus.Completed, (await app.Get<ISagaClient>().WaitAsync(saga, Token)).Status);
        app.AssertToldOnce();
    }

    [Theory]
    [InlineData("wrong")]
    [InlineData(null)]
    public async Task A_password_that_Redis_refuses_is_told(string? password)
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using (var admin = await redis.ConnectAsync())
            await admin.GetServers()[0].ExecuteAsync("CONFIG", "SET", "requirepass", "right");
        await using var app = await StartAsync(nats.Url, redis.ConnectionString + (password is null ? "" : $",password={password}"));
        await app.ToldAsync("topology.idempotency.redis", "Redis refuses the credentials, or asks for some");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await app.ProbeAsync("ready"));
        app.AssertToldOnce();
    }

    [Theory]
    [InlineData("CONFIG SET maxmemory-policy allkeys-lru", "its maxmemory-policy is allkeys-lru", "Set it to noeviction", HttpStatusCode.OK)]
    [InlineData("REPLICAOF 127.0.0.1 1", "it is a replica", "name the primary", HttpStatusCode.ServiceUnavailable)]
    [InlineData("ACL SETUSER default -@scripting", "the Redis user may not do what keys need", "Allow it", HttpStatusCode.ServiceUnavailable)]
    public async Task What_makes_Redis_unfit_for_keys_is_told(string command, string what, string advice, HttpStatusCode ready)
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using (var admin = await redis.ConnectAsync())
            await admin.GetServers()[0].ExecuteAsync(command.Split(' ')[0], [.. command.Split(' ')[1..]]);
        await using var app = await StartAsync(nats.Url, redis.ConnectionString);
        var told = await app.ToldAsync("topology.idempotency.redis", what);
        Assert.Contains(advice, told, StringComparison.Ordinal);
        await Until.Value(() => app.ProbeAsync("ready"), status => status == ready, cancellationToken: Token);
        app.AssertToldOnce();
    }

    [Fact]
    public async Task A_connection_that_NATS_stops_trusting_is_told_and_work_goes_on_when_it_trusts_it_again()
    {
        await using var nats = await NatsServer.StartAsync("# open", Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using var app = await StartAsync(nats.Url, redis.ConnectionString);
        await app.UntilReadyAsync();
        nats.Reconfigure("# open", """authorization { user: "app", password: "secret" }""");
        await app.ToldAsync("topology.dlq.nats", "NATS refuses the credentials, or asks for some");
        var refused = new Regex("authentication error", RegexOptions.IgnoreCase);
        await Until.True(() => refused.Count(nats.Output) >= 3, TimeSpan.FromMinutes(1), Token); // a client that gives up does so after the second
        nats.Reconfigure("""authorization { user: "app", password: "secret" }""", "# open");
        await app.UntilReadyAsync();
    }

    [Fact]
    public async Task Credentials_that_NATS_refuses_are_told_and_work_begins_when_it_takes_them()
    {
        await using var nats = await NatsServer.StartAsync("""authorization { user: "app", password: "secret" }""", Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using var app = await StartAsync(nats.Url, redis.ConnectionString); // without: with some the client needs what this build leaves out
        await app.ToldAsync("topology.dlq.nats", "NATS refuses the credentials, or asks for some");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await app.ProbeAsync("ready"));

        nats.Reconfigure("""authorization { user: "app", password: "secret" }""", "");
        await app.UntilReadyAsync();
        app.AssertToldOnce();
    }

    [Fact]
    public async Task A_permission_that_NATS_does_not_give_is_told()
    {
        await using var nats = await NatsServer.StartAsync(
            """
            no_auth_user: app
            authorization { users: [ { user: app, password: p, permissions: { publish: { deny: ["$JS.API.STREAM.CREATE.>"] } } } ] }
            """, Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using var app = await StartAsync(nats.Url, redis.ConnectionString);
        var told = await app.ToldAsync("topology.dlq.nats", "$JS.API.STREAM.CREATE.");
        Assert.Contains("Give the user that permission", told, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await app.ProbeAsync("ready"));
        app.AssertToldOnce();
    }

    [Fact]
    public async Task Servers_that_are_too_old_are_told_by_version()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using var oldNats = FaultProxy.Start(nats.Port);
        await using var oldRedis = FaultProxy.Start(redis.Port);
        oldNats.Replace("\"version\":\"2.9.", "\"version\":\"2.8.");
        oldRedis.Replace("redis_version:7.", "redis_version:6.");
        await using var app = await StartAsync($"nats://127.0.0.1:{oldNats.Port}", $"127.0.0.1:{oldRedis.Port}");
        var redisTold = await app.ToldAsync("topology.idempotency.redis", "Redis 6.");
        Assert.Contains("is too old: 7.0 or later is needed", redisTold, StringComparison.Ordinal);
        var natsTold = await app.ToldAsync("topology.dlq.nats", "NATS server 2.8.");
        Assert.Contains("it must be 2.9 or later", natsTold, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await app.ProbeAsync("ready"));
        app.AssertToldOnce();
    }

    [Fact]
    public async Task A_stream_that_breaks_a_promise_is_told_field_by_field_and_work_begins_when_it_is_mended()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using var admin = await nats.ConnectAsync();
        var streams = new NatsJSContext(admin);
        await streams.CreateStreamAsync(new StreamConfig("WORKFLOW_COMPENSATION_DLQ", ["workflow.compensation.failed", "workflow.compensation.failed.>"]) { Discard = StreamConfigDiscard.Old }, Token);
        await using var app = await StartAsync(nats.Url, redis.ConnectionString);
        var told = await app.ToldAsync("topology.dlq.nats", "stream WORKFLOW_COMPENSATION_DLQ: discard is Old; it must be New");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await app.ProbeAsync("ready"));

        await streams.DeleteStreamAsync("WORKFLOW_COMPENSATION_DLQ", Token);
        await app.UntilReadyAsync();
        app.AssertToldOnce();
    }

    [Fact]
    public async Task Streams_that_nobody_made_are_told_where_they_are_only_verified()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        await using var app = await StartAsync(nats.Url, redis.ConnectionString, "Production");
        var told = await app.ToldAsync("topology.dlq.nats", "stream AGENT_RUN_DLQ is missing");
        Assert.Contains("nats.provision: create", told, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await app.ProbeAsync("ready"));
        app.AssertToldOnce();
    }

    private static async Task<App> StartAsync(string nats, string redis, string environment = "Development")
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        var log = new FakeLoggerProvider();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration["ConnectionStrings:nats"] = nats;
        builder.Configuration["ConnectionStrings:redis"] = redis;
        builder.Services.AddTopologyResilience(builder.Configuration)
            .UseRedis()
            .UseNats()
            .AddSaga(s_definition)
            .AddDeadLetterProcessors();
        var alerts = new Alerts();
        builder.Services.AddSingleton<IDeadLetterAlertSink>(alerts);
        builder.Services.ConfigureAll<DeadLetterQueueOptions>(queue => queue.MaxBytes = 1 << 20);
        builder.Services.Configure<JetStreamDeadLetterOptions>(options => options.MaxMarkBytes = 1 << 20);
        builder.Services.Configure<Health.HealthOptions>(health =>
        {
            health.DrainDelay = TimeSpan.Zero; // nobody sends work here
            health.Period = TimeSpan.FromSeconds(1);
        });
        var app = builder.Build();
        app.MapTopologyHealth();
        await app.StartAsync(Token); // it never waits for a server
        return new(app, log, alerts);
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Number();

    private sealed class Alerts : IDeadLetterAlertSink
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _ids = new();

        public string Name => "test";

        public bool Contains(string id) => _ids.Contains(id);

        public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
        {
            _ids.Enqueue(alert.Id);
            return default;
        }
    }

    private sealed class App(WebApplication app, FakeLoggerProvider log, Alerts alerts) : IAsyncDisposable
    {
        private readonly HttpClient _http = new() { BaseAddress = new Uri(app.Urls.First()) };

        public Alerts Alerts => alerts;

        public T Get<T>()
            where T : notnull => app.Services.GetRequiredService<T>();

        public async Task<HttpStatusCode> ProbeAsync(string probe) => (await _http.GetAsync($"/health/{probe}", Token)).StatusCode;

        public Task<HttpStatusCode> UntilReadyAsync() => Until.Value(() => ProbeAsync("ready"), status => status == HttpStatusCode.OK, TimeSpan.FromMinutes(1), Token);

        /// <summary>Waits until it is told: a busy machine may say first that a server does not answer in time.</summary>
        public Task<string> ToldAsync(string check, string what) => Until.Value(
            () => log.Collector.GetSnapshot().Last(record => record.Id.Id == 1555 && record.Message.StartsWith(check, StringComparison.Ordinal)).Message,
            told => told.Contains(what, StringComparison.OrdinalIgnoreCase),
            TimeSpan.FromMinutes(1),
            Token);

        /// <summary>Nothing of warning or worse was said twice, numbers aside, however long it lasted.</summary>
        public void AssertToldOnce() => Assert.Empty(
            log.Collector.GetSnapshot().Where(record => record.Level >= LogLevel.Warning).GroupBy(record => Number().Replace(record.Message, "#")).Where(same => same.Count() > 1)
                .Select(same => $"{same.Count()} x {same.Key}"));

        public async ValueTask DisposeAsync()
        {
            _http.Dispose();
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
            log.Dispose();
        }
    }
}
