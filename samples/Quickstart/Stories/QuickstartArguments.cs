namespace Quickstart.Stories;

/// <summary>What the command line says.</summary>
/// <param name="Config">The topology file.</param>
/// <param name="Json">Where to write the stories' facts; <see langword="null"/> for nowhere.</param>
/// <param name="Stay">Whether the host stays up after the stories.</param>
/// <param name="Describe">Whether the settings in force are printed, and nothing is started.</param>
/// <param name="Servers">Whether state is kept on a NATS and a Redis server.</param>
/// <param name="Nats">The running NATS server to use; <see langword="null"/> to start one.</param>
/// <param name="Redis">The running Redis server to use; <see langword="null"/> to start one.</param>
internal sealed record QuickstartArguments(
    string Config, string? Json = null, bool Stay = false, bool Describe = false, bool Servers = false, string? Nats = null, string? Redis = null)
{
    private const string Usage = """
        usage: dotnet run --project samples/Quickstart -c Release [-- [describe] [--config FILE] [--json FILE] [--stay] [--servers]]
          describe       print the settings in force and where each comes from; start nothing
          --config FILE  run on another topology.yaml
          --json FILE    write each story's facts to FILE
          --stay         keep the host up after the stories and print its URL; Ctrl+C ends it
          --servers      keep state on real servers: starts nats-server and redis-server for this run
          --nats URL     with the NATS server that runs there, such as nats://localhost:4222
          --redis HOST   with the Redis server that runs there, such as localhost:6379
        """;

    /// <summary>Reads the command line; prints the usage and ends the process with 2 when it cannot be read.</summary>
    public static QuickstartArguments ParseOrExit(string[] args)
    {
        var arguments = new QuickstartArguments("topology.yaml");
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--config" when i + 1 < args.Length:
                    arguments = arguments with { Config = Path.GetFullPath(args[++i]) };
                    break;
                case "--json" when i + 1 < args.Length:
                    arguments = arguments with { Json = Path.GetFullPath(args[++i]) };
                    break;
                case "describe":
                    arguments = arguments with { Describe = true };
                    break;
                case "--stay":
                    arguments = arguments with { Stay = true };
                    break;
                case "--servers":
                    arguments = arguments with { Servers = true };
                    break;
                case "--nats" when i + 1 < args.Length:
                    arguments = arguments with { Servers = true, Nats = args[++i] };
                    break;
                case "--redis" when i + 1 < args.Length:
                    arguments = arguments with { Servers = true, Redis = args[++i] };
                    break;
                default:
                    Console.Error.WriteLine($"unknown argument {args[i]}");
                    Console.Error.WriteLine(Usage);
                    Environment.Exit(2);
                    break;
            }
        }

        return arguments;
    }
}
