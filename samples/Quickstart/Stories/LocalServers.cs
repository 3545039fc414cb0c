using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Quickstart.Stories;

/// <summary>A NATS and a Redis server for this run: those the command line names, else processes of its own on free loopback ports.</summary>
internal sealed class LocalServers : IAsyncDisposable
{
    // The shell ends the server and removes its directory when its input closes, which it also does when this process is killed.
    private const string Keeper = """trap '' INT; dir=$1; shift; "$@" </dev/null >"$dir/log" 2>&1 & pid=$!; read -r _; kill "$pid"; wait "$pid"; rm -rf "$dir" """;

    private readonly List<Process> _keepers = [];

    private LocalServers(string nats, string redis) => (Nats, Redis) = (nats, redis);

    public string Nats { get; private set; }

    public string Redis { get; private set; }

    /// <summary>Starts what is missing; <see langword="null"/> when the run needs no servers. Ends the process with 2 when one is not installed.</summary>
    public static async Task<LocalServers?> StartAsync(QuickstartArguments arguments)
    {
        if (!arguments.Servers || arguments.Describe)
        {
            return null;
        }

        var servers = new LocalServers(arguments.Nats ?? "", arguments.Redis ?? "");
        if (arguments.Nats is null)
        {
            var port = FreePort();
            await servers.StartAsync("nats-server", port, dir => ["--addr", "127.0.0.1", "--port", Text(port), "--jetstream", "--store_dir", dir]);
            servers.Nats = $"nats://127.0.0.1:{port}";
        }

        if (arguments.Redis is null)
        {
            var port = FreePort();
            await servers.StartAsync("redis-server", port, dir => ["--bind", "127.0.0.1", "--port", Text(port), "--dir", dir, "--appendonly", "yes", "--save", ""]);
            servers.Redis = $"127.0.0.1:{port}";
        }

        return servers;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var keeper in _keepers)
        {
            keeper.StandardInput.Close();
        }

        foreach (var keeper in _keepers)
        {
            await keeper.WaitForExitAsync();
            keeper.Dispose();
        }
    }

    private async Task StartAsync(string server, int port, Func<string, string[]> arguments)
    {
        var path = Find(server);
        if (path is null)
        {
            await DisposeAsync();
            Console.Error.WriteLine($"""
                {server} is not installed. Install both servers:
                  Debian, Ubuntu: sudo apt-get install -y nats-server redis-server
                  macOS:          brew install nats-server redis
                or name running ones: --nats nats://HOST:4222 --redis HOST:6379
                """);
            Environment.Exit(2);
        }

        var directory = Directory.CreateTempSubdirectory("quickstart-").FullName;
        var start = new ProcessStartInfo("/bin/sh", ["-c", Keeper, "keeper", directory, path, .. arguments(directory)]) { RedirectStandardInput = true };
        _keepers.Add(Process.Start(start)!);
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (tries < 200)
            {
                // A server tells nobody that it listens. Ten seconds at the most, then the failure is the caller's.
                await Task.Delay(50);
            }
        }
    }

    private static string? Find(string server) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin".Split(':')
            .Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, server)).FirstOrDefault(File.Exists);

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
