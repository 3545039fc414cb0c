using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Topology.Resilience.Tests.Glue;

/// <summary>On servers of their own: the names of streams are fixed.</summary>
public sealed class GlueServers : IAsyncLifetime
{
    public NatsServer Nats { get; private set; } = null!;

    public RedisServer Redis { get; private set; } = null!;

    public async ValueTask InitializeAsync() => (Nats, Redis) = (await NatsServer.StartAsync(), await RedisServer.StartAsync());

    public async ValueTask DisposeAsync()
    {
        await Nats.DisposeAsync();
        await Redis.DisposeAsync();
    }
}

public sealed class ServerGlueTests(GlueServers servers) : GlueConformance, IClassFixture<GlueServers>
{
    private protected override Task<GlueHost> StartAsync(GlueWorld world, Action<IServiceCollection>? more = null) => GlueHost.StartAsync(
        world,
        topology =>
        {
            topology.Services.AddSingleton<NATS.Client.Core.INatsConnection>(_ => new NATS.Client.Core.NatsConnection(NATS.Client.Core.NatsOpts.Default with { Url = servers.Nats.Url }));
            topology.Services.AddSingleton<IConnectionMultiplexer>(_ => ConnectionMultiplexer.Connect(servers.Redis.ConnectionString));
            topology.UseRedis().UseNats();
        },
        more: more);

    /// <summary>A server's clock cannot be moved, but the lives of its records can be shortened as time would.</summary>
    private protected override async Task AgeAsync(GlueHost host, TimeSpan by)
    {
        await using var redis = await servers.Redis.ConnectAsync();
        foreach (var key in redis.GetServers()[0].Keys())
        {
            var left = await redis.GetDatabase().KeyTimeToLiveAsync(key);
            if (left is { } life)
                await redis.GetDatabase().KeyExpireAsync(key, life > by ? life - by : TimeSpan.Zero);
        }
    }
}
