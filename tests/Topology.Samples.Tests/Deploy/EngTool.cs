using System.Diagnostics;

namespace Topology.Samples.Tests.Deploy;

/// <summary>Runs the scripts of <c>eng/</c>, which bring the tools they need.</summary>
internal static class EngTool
{
    public static string Root { get; } = FindRoot();

    /// <summary>Gets kubectl, with kustomize 5 in it.</summary>
    public static Lazy<string> Kubectl { get; } = new(() => PathFrom("kubectl.sh"));

    public static Lazy<string> Promtool { get; } = new(() => PathFrom("promtool.sh"));

    public static (int ExitCode, string Output, string Errors) Run(string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Root };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    public static (int ExitCode, string Output, string Errors) RunScript(string script, params IEnumerable<string> arguments) =>
        Run("/bin/sh", [Path.Combine(Root, "eng", script), .. arguments]);

    private static string PathFrom(string script)
    {
        var (exitCode, output, errors) = RunScript(script);
        return exitCode == 0 ? output.Trim() : throw new InvalidOperationException($"eng/{script} brought no tool:\n{errors}");
    }

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "MultiAgent.Topology.sln")))
                return folder;
        }

        throw new InvalidOperationException($"No MultiAgent.Topology.sln above {AppContext.BaseDirectory}.");
    }
}
