namespace Quickstart.Stories;

/// <summary>What the command line says.</summary>
/// <param name="Config">The topology file.</param>
/// <param name="Json">Where to write the stories' facts; <see langword="null"/> for nowhere.</param>
/// <param name="Stay">Whether the host stays up after the stories.</param>
/// <param name="Describe">Whether the settings in force are printed, and nothing is started.</param>
internal sealed record QuickstartArguments(string Config, string? Json, bool Stay, bool Describe)
{
    private const string Usage = """
        usage: dotnet run --project samples/Quickstart -c Release [-- [describe] [--config FILE] [--json FILE] [--stay]]
          describe       print the settings in force and where each comes from; start nothing
          --config FILE  run on another topology.yaml
          --json FILE    write each story's facts to FILE
          --stay         keep the host up after the stories and print its URL; Ctrl+C ends it
        """;

    /// <summary>Reads the command line; prints the usage and ends the process with 2 when it cannot be read.</summary>
    public static QuickstartArguments ParseOrExit(string[] args)
    {
        var arguments = new QuickstartArguments("topology.yaml", null, false, false);
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
