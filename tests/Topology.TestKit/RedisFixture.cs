using StackExchange.Redis;
using Xunit;

namespace Topology.TestKit;

/// <summary>One Redis server for a test assembly: <c>[assembly: AssemblyFixture(typeof(RedisFixture))]</c>.</summary>
/// <remarks>Tests share it, so keys on it are made with <see cref="Unique"/>, and a test that stops or pauses a server starts its own.</remarks>
public sealed class RedisFixture : IAsyncLifetime
{
    private RedisServer? _server;
    private ConnectionMultiplexer? _connection;

    /// <summary>Gets the running server.</summary>
    public RedisServer Server => _server!;

    /// <summary>Gets a connection that the assembly's tests share.</summary>
    public ConnectionMultiplexer Connection => _connection!;

    /// <summary>Gets the connection string for StackExchange.Redis.</summary>
    public string ConnectionString => Server.ConnectionString;

    /// <summary>Makes a key or prefix no other test uses.</summary>
    public static string Unique(string name = "t") => $"{name}-{Guid.NewGuid():N}";

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _server = await RedisServer.StartAsync();
        _connection = await _server.ConnectAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
