using NATS.Client.Core;
using Xunit;

namespace Topology.TestKit;

/// <summary>One NATS server for a test assembly: <c>[assembly: AssemblyFixture(typeof(NatsFixture))]</c>.</summary>
/// <remarks>Tests share it, so names on it are made with <see cref="Unique"/>, and a test that stops or pauses a server starts its own.</remarks>
public sealed class NatsFixture : IAsyncLifetime
{
    private NatsServer? _server;
    private NatsConnection? _connection;

    /// <summary>Gets the running server.</summary>
    public NatsServer Server => _server!;

    /// <summary>Gets a connection that the assembly's tests share.</summary>
    public NatsConnection Connection => _connection!;

    /// <summary>Gets the address clients connect to.</summary>
    public string Url => Server.Url;

    /// <summary>Makes a name no other test uses, good as stream, consumer, bucket and subject.</summary>
    public static string Unique(string name = "t") => $"{name}-{Guid.NewGuid():N}";

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
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
