using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using StackExchange.Redis;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Resilience.Internal;
using Topology.Saga;
using Topology.Saga.JetStream;

namespace Topology.Resilience.Tests;

public sealed class StoreTests
{
    private const string Redis = "redis=127.0.0.1:1,connectTimeout=100";
    private const string Nats = "nats=nats://127.0.0.1:1";

    [Theory]
    [InlineData("", "", "memory memory memory")]
    [InlineData("memory", "", "memory memory memory")]
    [InlineData("", Redis, "redis memory memory")]
    [InlineData("", Nats, "memory nats nats")]
    [InlineData("memory", Redis + ";" + Nats, "memory memory memory")]
    [InlineData("redis memory", Redis + ";" + Nats, "redis memory memory")]
    [InlineData("memory redis", Redis + ";" + Nats, "redis memory memory")]
    [InlineData("nats memory redis", "", "redis nats nats")]
    [InlineData("redis nats redis nats memory memory", "", "redis nats nats")]
    [InlineData("redis", Nats, "redis nats nats")]
    public void What_is_named_in_code_beats_the_connection_strings_in_any_order(string named, string connections, string expected)
    {
        var builder = Builder("Production", connections);
        Name(builder.Services.AddTopologyResilience(builder.Configuration), named);
        Assert.Equal(expected, Stores(builder.Services));
    }

    [Theory]
    [InlineData("", 3)]
    [InlineData("memory", 0)]
    [InlineData("nats memory", 2)]
    [InlineData("memory redis", 1)]
    public async Task The_checks_of_the_servers_that_are_used_can_be_built_whatever_gave_way(string named, int servers)
    {
        var builder = Builder("Production", Redis + ";" + Nats);
        Name(builder.Services.AddTopologyResilience(builder.Configuration), named);
        await using var app = builder.Build();
        var checks = app.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations;
        Assert.Equal(servers, checks.Count(check => check.Name.EndsWith(".nats", StringComparison.Ordinal) || check.Name.EndsWith(".redis", StringComparison.Ordinal)));
        Assert.All(checks, check => Assert.NotNull(check.Factory(app.Services)));
    }

    [Fact]
    public void The_file_can_keep_keys_in_memory_beside_a_connection_and_code_beats_it()
    {
        var builder = Builder("Production", Redis);
        builder.Configuration["Topology:idempotency:storage"] = "memory";
        var topology = builder.Services.AddTopologyResilience(builder.Configuration);
        Assert.Equal("memory memory memory", Stores(builder.Services));
        topology.UseRedis();
        Assert.Equal("redis memory memory", Stores(builder.Services));
    }

    [Theory]
    [InlineData("redis nats")]
    [InlineData("memory")]
    public async Task Every_call_twice_is_every_call_once(string named)
    {
        var once = Builder("Production", Redis + ";" + Nats);
        Name(once.Services.AddTopologyResilience(once.Configuration).AddDeadLetterProcessors(), named);
        var twice = Builder("Production", Redis + ";" + Nats);
        Name(Name(twice.Services.AddTopologyResilience(twice.Configuration).AddDeadLetterProcessors(), named).AddDeadLetterProcessors(), named);
        twice.Services.AddTopologyResilience(twice.Configuration);

        // A configuration that is applied twice is harmless; everything else must be there once.
        static IEnumerable<string> Kinds(WebApplicationBuilder builder) =>
            builder.Services.Where(service => !service.ServiceType.Name.Contains("Options", StringComparison.Ordinal)).Select(service => service.ToString()).Order();
        Assert.Equal(Kinds(once), Kinds(twice));
        await using var app = twice.Build();
        var checks = app.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations;
        Assert.Equal(checks.Select(check => check.Name).Distinct(), checks.Select(check => check.Name));
    }

    [Theory]
    [InlineData("", "keys, sagas, dead letters")]
    [InlineData(Redis, "sagas, dead letters")]
    [InlineData(Nats, "keys")]
    public async Task Memory_that_nobody_named_is_refused_outside_development_with_the_lines_to_choose_from(string connections, string unnamed)
    {
        var builder = Builder("Production", connections);
        builder.Services.AddTopologyResilience(builder.Configuration);
        await using var app = builder.Build();
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => app.StartAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith($"No store is named for {unnamed}, and this is the environment 'Production'.", refused.Message, StringComparison.Ordinal);
        Assert.Contains(".UseRedis()", refused.Message, StringComparison.Ordinal);
        Assert.Contains(".UseNats()", refused.Message, StringComparison.Ordinal);
        Assert.Contains(".UseInMemory()", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Memory_that_nobody_named_is_told_in_development()
    {
        var builder = Builder("Development", "");
        using var log = new FakeLoggerProvider();
        builder.Logging.AddProvider(log);
        builder.Services.AddTopologyResilience(builder.Configuration);
        await using var app = builder.Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var told = Assert.Single(log.Collector.GetSnapshot(), record => record.Id.Id == 1551);
        Assert.Equal(LogLevel.Warning, told.Level);
        Assert.Contains("keys, sagas, dead letters", told.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redis", "IConnectionMultiplexer")]
    [InlineData("nats", "INatsConnection")]
    public async Task A_store_without_a_server_is_refused_before_anything_starts(string named, string connection)
    {
        var builder = Builder("Development", "");
        Name(builder.Services.AddTopologyResilience(builder.Configuration), named);
        await using var app = builder.Build();
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => app.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"ConnectionStrings:{named}", refused.Message, StringComparison.Ordinal);
        Assert.Contains(connection, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Queues_on_a_server_that_are_added_directly_take_the_place_of_those_in_memory()
    {
        var builder = Builder("Production", "");
        var topology = builder.Services.AddTopologyResilience(builder.Configuration).UseInMemory();
        builder.Services.AddJetStreamDeadLetterQueues().AddRedisIdempotencyStore();
        builder.Services.AddSingleton<INatsConnection>(_ => new NatsConnection(NatsOpts.Default));
        Assert.Equal("application memory application", Stores(builder.Services));
        topology.UseInMemory();
        Assert.Equal("application memory application", Stores(builder.Services));
        await using var app = builder.Build();
        Assert.Equal("JetStreamDeadLetterQueueProvider", app.Services.GetRequiredService<IDeadLetterQueueProvider>().GetType().Name);
    }

    [Fact]
    public async Task A_connection_of_the_application_is_used_whenever_it_was_registered_and_is_not_disposed()
    {
        await using var nats = new NatsConnection(NatsOpts.Default);
        await using var redis = await ConnectionMultiplexer.ConnectAsync("127.0.0.1:1,abortConnect=false,connectTimeout=100");
        foreach (var isFirst in new[] { true, false })
        {
            var builder = Builder("Production", isFirst ? "" : Redis + ";" + Nats);
            if (isFirst)
                builder.Services.AddSingleton<INatsConnection>(nats).AddSingleton<IConnectionMultiplexer>(redis);
            builder.Services.AddTopologyResilience(builder.Configuration).UseRedis().UseNats();
            if (!isFirst)
                builder.Services.AddSingleton<INatsConnection>(nats).AddSingleton<IConnectionMultiplexer>(redis);
            await using (var app = builder.Build())
            {
                Assert.Same(nats, app.Services.GetRequiredService<INatsConnection>());
                Assert.Same(redis, app.Services.GetRequiredService<IConnectionMultiplexer>());
                Assert.NotNull(app.Services.GetRequiredService<IIdempotencyStore>());
                Assert.NotNull(app.Services.GetRequiredService<IDeadLetterQueueProvider>());
                Assert.NotNull(app.Services.GetRequiredService<ISagaDispatcher>());
            }

            Assert.Equal(NatsConnectionState.Closed, nats.ConnectionState); // never opened, and a disposed one says Failed
            Assert.NotEmpty(redis.GetServers()); // a disposed one has none
        }
    }

    [Theory]
    [InlineData("Development", null, DeadLetterProvisioning.Create)]
    [InlineData("Production", null, DeadLetterProvisioning.Verify)]
    [InlineData("Production", "create", DeadLetterProvisioning.Create)]
    [InlineData("Development", "off", DeadLetterProvisioning.Off)]
    public async Task Streams_are_created_in_development_and_verified_elsewhere_unless_the_settings_decide(
        string environment, string? provision, DeadLetterProvisioning expected)
    {
        var builder = Builder(environment, Nats);
        builder.Configuration["Topology:nats:provision"] = provision;
        builder.Configuration["Topology:nats:replicas"] = "3";
        builder.Configuration["Topology:nats:saga_ack_wait"] = "2m";
        builder.Services.AddTopologyResilience(builder.Configuration).UseNats();
        await using (var app = builder.Build())
        {
            var options = app.Services.GetRequiredService<IOptions<JetStreamDeadLetterOptions>>().Value;
            Assert.Equal((expected, 3), (options.Provision, options.Replicas));
            var sagas = app.Services.GetRequiredService<IOptions<JetStreamSagaOptions>>().Value;
            Assert.Equal(($"{expected}", 3, TimeSpan.FromMinutes(2)), ($"{sagas.Provision}", sagas.Replicas, sagas.AckWait));
        }

        builder = Builder(environment, Nats);
        builder.Configuration["Topology:nats:provision"] = provision;
        builder.Services.AddTopologyResilience(builder.Configuration).UseNats(nats => nats.Provision = TopologyProvisioning.Off);
        await using var other = builder.Build();
        Assert.Equal(DeadLetterProvisioning.Off, other.Services.GetRequiredService<IOptions<JetStreamDeadLetterOptions>>().Value.Provision);
        Assert.Equal(new JetStreamSagaOptions().AckWait, other.Services.GetRequiredService<IOptions<JetStreamSagaOptions>>().Value.AckWait);
    }

    [Fact]
    public async Task Each_server_brings_its_check_once()
    {
        var builder = Builder("Production", Redis + ";" + Nats);
        builder.Services.AddTopologyResilience(builder.Configuration).UseRedis().UseNats();
        builder.Services.AddHealthChecks().Add(RedisIdempotencyHealthCheck.Register(HealthStatus.Degraded));
        await using var app = builder.Build();
        var checks = app.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations;
        Assert.Equal(HealthStatus.Degraded, Assert.Single(checks, check => check.Name == "topology.idempotency.redis").FailureStatus);
        Assert.Contains("ready", Assert.Single(checks, check => check.Name == "topology.dlq.nats").Tags);
        Assert.Contains("ready", Assert.Single(checks, check => check.Name == "topology.saga.nats").Tags);
    }

    private static WebApplicationBuilder Builder(string environment, string connections)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        foreach (var connection in connections.Split(';', StringSplitOptions.RemoveEmptyEntries))
            builder.Configuration[$"ConnectionStrings:{connection[..connection.IndexOf('=', StringComparison.Ordinal)]}"] = connection[(connection.IndexOf('=', StringComparison.Ordinal) + 1)..];
        return builder;
    }

    private static ITopologyBuilder Name(ITopologyBuilder builder, string named)
    {
        foreach (var store in named.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            builder = store switch { "memory" => builder.UseInMemory(), "redis" => builder.UseRedis(), _ => builder.UseNats() };
        return builder;
    }

    private static string Stores(IServiceCollection services)
    {
        var stores = (TopologyStores)services.Single(service => service.ServiceType == typeof(TopologyStores)).ImplementationInstance!;
        return string.Join(' ', new[] { stores.Of<IIdempotencyStore>(), stores.Of<ISagaJournal>(), stores.Of<IDeadLetterQueueProvider>() }.Select(store => store?.Name ?? "application"));
    }
}
