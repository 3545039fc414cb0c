using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using StackExchange.Redis;

namespace Topology.TestKit;

/// <summary>A <c>redis-server</c> with an append-only file in its own directory: what it answered survives a kill.</summary>
public sealed partial class RedisServer : ServerProcess
{
    private readonly string[] _arguments;

    private RedisServer(string[] arguments)
        : base("redis-server") => _arguments = arguments;

    /// <summary>Gets the connection string for StackExchange.Redis.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>Starts a server and waits until it answers with its own process id.</summary>
    /// <param name="arguments">More of the server's own arguments, such as <c>--maxmemory</c>, <c>1mb</c>.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<RedisServer> StartAsync(string[]? arguments = null, CancellationToken cancellationToken = default)
    {
        var server = new RedisServer(arguments ?? []);
        await server.StartAsync(cancellationToken);
        return server;
    }

    /// <summary>Opens a connection of its own; the caller disposes it.</summary>
    /// <param name="configure">Changes the options, for example timeouts.</param>
    /// <exception cref="InvalidOperationException">Another server answers.</exception>
    public async Task<ConnectionMultiplexer> ConnectAsync(Action<ConfigurationOptions>? configure = null)
    {
        var options = ConfigurationOptions.Parse(ConnectionString);
        options.AllowAdmin = true;
        configure?.Invoke(options);
        var connection = await ConnectionMultiplexer.ConnectAsync(options);
        var info = await connection.GetServers()[0].InfoRawAsync("server") ?? "";
        if (IsMine(info))
            return connection;
        await connection.DisposeAsync();
        throw new InvalidOperationException(NotMine(info));
    }

    private protected override IEnumerable<string> Arguments() =>
    [
        "--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", Directory,
        "--appendonly", "yes", "--save", "", .. _arguments,
    ];

    private protected override async Task<string?> GreetAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        await stream.WriteAsync("INFO server\r\n"u8.ToArray(), cancellationToken);
        using var reader = new StreamReader(stream, leaveOpen: true);
        var head = await reader.ReadLineAsync(cancellationToken) ?? "";
        if (!head.StartsWith('$'))
            return head; // -LOADING while it reads its append-only file
        var body = new char[int.Parse(head.AsSpan(1), CultureInfo.InvariantCulture)];
        await reader.ReadBlockAsync(body, cancellationToken);
        return IsMine(new string(body)) ? null : NotMine(new string(body));
    }

    [GeneratedRegex(@"process_id:(\d+)")]
    private static partial Regex ProcessIdLine();

    private bool IsMine(string info) => Answering(info) == ProcessId.ToString(CultureInfo.InvariantCulture);

    private static string Answering(string info) => ProcessIdLine().Match(info).Groups[1].Value;

    private string NotMine(string info) => $"{ConnectionString} is the redis-server of process {Answering(info)}, not of {ProcessId}";
}
