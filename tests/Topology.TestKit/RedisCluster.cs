using StackExchange.Redis;

namespace Topology.TestKit;

/// <summary>Three <c>redis-server</c> processes that share the 16,384 slots of a Redis Cluster, without replicas.</summary>
public sealed class RedisCluster : IAsyncDisposable
{
    private const int Slots = 16_384;

    private readonly RedisServer[] _servers;

    private RedisCluster(RedisServer[] servers) => _servers = servers;

    /// <summary>Gets the connection string for StackExchange.Redis.</summary>
    public string ConnectionString => string.Join(',', _servers.Select(server => server.ConnectionString));

    /// <summary>Starts the servers and waits until each of them knows who serves which slot.</summary>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<RedisCluster> StartAsync(CancellationToken cancellationToken = default)
    {
        string[] arguments = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "15000"];
        var servers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => RedisServer.StartAsync(arguments, cancellationToken)));
        var cluster = new RedisCluster(servers);
        var nodes = new List<ConnectionMultiplexer>();
        try
        {
            foreach (var server in servers)
                nodes.Add(await server.ConnectAsync());
            for (var i = 0; i < servers.Length; i++)
            {
                await AskAsync(nodes[i], "SET-CONFIG-EPOCH", i + 1);
                await AskAsync(nodes[i], "ADDSLOTSRANGE", Slots * i / servers.Length, Slots * (i + 1) / servers.Length - 1);
                if (i > 0)
                    await AskAsync(nodes[0], "MEET", "127.0.0.1", servers[i].Port);
            }

            foreach (var node in nodes)
            {
                await Until.True(
                    async () => await AskAsync(node, "INFO") is var info && info.Contains("cluster_state:ok", StringComparison.Ordinal)
                        && info.Contains("cluster_size:3", StringComparison.Ordinal),
                    cancellationToken: cancellationToken);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }

        async Task<string> AskAsync(ConnectionMultiplexer node, params object[] arguments) =>
            (string?)await node.GetServer("127.0.0.1", servers[nodes.IndexOf(node)].Port).ExecuteAsync("CLUSTER", arguments) ?? "";
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
    }
}
