using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using NATS.Client.Core;

namespace Topology.TestKit;

/// <summary>A <c>nats-server</c> with JetStream on, storing in its own directory.</summary>
public sealed class NatsServer : ServerProcess
{
    private readonly string _configuration;
    private readonly string _fileStore;

    private NatsServer(string configuration, string fileStore)
        : base("nats-server") => (_configuration, _fileStore) = (configuration, fileStore);

    /// <summary>Gets the address clients connect to.</summary>
    public string Url => string.Create(CultureInfo.InvariantCulture, $"nats://127.0.0.1:{Port}");

    /// <summary>Starts a server and waits until it answers under its own name.</summary>
    /// <param name="configuration">Lines of the server's own configuration language, such as <c>max_payload: 1024</c>; not <c>jetstream</c>.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static Task<NatsServer> StartAsync(string configuration = "", CancellationToken cancellationToken = default) =>
        StartAsync(configuration, "16GB", cancellationToken);

    /// <summary>Starts a server that stores no more than so much in files.</summary>
    /// <param name="configuration">As above.</param>
    /// <param name="fileStore">How much, such as <c>8MB</c>.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<NatsServer> StartAsync(string configuration, string fileStore, CancellationToken cancellationToken = default)
    {
        var server = new NatsServer(configuration, fileStore);
        await server.StartAsync(cancellationToken);
        return server;
    }

    /// <summary>Opens a connection of its own; the caller disposes it.</summary>
    /// <exception cref="InvalidOperationException">Another server answers.</exception>
    public async Task<NatsConnection> ConnectAsync(NatsOpts? options = null)
    {
        var connection = new NatsConnection((options ?? NatsOpts.Default with { ConnectTimeout = TimeSpan.FromSeconds(30) }) with { Url = Url });
        await connection.ConnectAsync();
        if (connection.ServerInfo?.Name == Name)
            return connection;
        var other = connection.ServerInfo?.Name;
        await connection.DisposeAsync();
        throw new InvalidOperationException($"{Url} is the server '{other}', not '{Name}'.");
    }

    /// <summary>Changes the configuration of the running server.</summary>
    /// <param name="text">Text of the configuration.</param>
    /// <param name="other">What stands there from now on.</param>
    public void Reconfigure(string text, string other)
    {
        var file = Path.Combine(Directory, "server.conf");
        File.WriteAllText(file, File.ReadAllText(file).Replace(text, other, StringComparison.Ordinal));
        Reload();
    }

    private protected override IEnumerable<string> Arguments()
    {
        var file = Path.Combine(Directory, "server.conf");
        File.WriteAllText(file, $$"""
            server_name: "{{Name}}"
            host: "127.0.0.1"
            port: {{Port.ToString(CultureInfo.InvariantCulture)}}
            jetstream { store_dir: "{{Directory}}", max_file_store: {{_fileStore}}, max_memory_store: 1GB }
            {{_configuration}}
            """);
        return ["--config", file];
    }

    private protected override async Task<string?> GreetAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        var line = await reader.ReadLineAsync(cancellationToken) ?? "";
        if (!line.StartsWith("INFO ", StringComparison.Ordinal))
            return line;
        using var info = JsonDocument.Parse(line[5..]);
        var name = info.RootElement.GetProperty("server_name").GetString();
        return name == Name ? null : $"it is the server '{name}', not '{Name}'";
    }
}
