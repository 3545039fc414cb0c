using System.Reflection;
using System.Text.RegularExpressions;

namespace Topology.Rules.Tests;

/// <summary>Where things are in this repository.</summary>
internal static partial class Repository
{
    public static string Root { get; } = FindRoot();

    public static bool Approve { get; } = Environment.GetEnvironmentVariable("TOPOLOGY_APPROVE") == "1";

    public const string HowToApprove =
        "When the change is meant: TOPOLOGY_APPROVE=1 artifacts/bin/Topology.Rules.Tests/release/Topology.Rules.Tests, then read the diff.";

    /// <summary>The packages: folder, csproj, assembly and root namespace have this name.</summary>
    public static TheoryData<string> Packages => [.. PackageNames];

    public static string[] PackageNames { get; } =
        [.. Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories).Select(file => Path.GetFileNameWithoutExtension(file)!).Order()];

    public static string Folder(string package) => Path.Combine(Root, "src", package);

    public static string AssemblyFile(string package) => Path.Combine(AppContext.BaseDirectory, package + ".dll");

    public static Assembly Load(string package) => Assembly.LoadFrom(AssemblyFile(package));

    public static string Relative(string file) => Path.GetRelativePath(Root, file).Replace('\\', '/');

    /// <summary>The files of the repository with this ending, without what a build made.</summary>
    public static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(Root, pattern, new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden })
            .Where(file => !BuildOutput().IsMatch(Relative(file)));

    /// <summary>The projects of the solution, as paths relative to the root.</summary>
    public static string[] SolutionProjects() =>
        [.. SolutionProject().Matches(File.ReadAllText(Path.Combine(Root, "MultiAgent.Topology.sln"))).Select(match => match.Groups[1].Value.Replace('\\', '/'))];

    /// <summary>Fails with one line per broken rule.</summary>
    public static void AssertNone(IEnumerable<string?> broken)
    {
        var lines = broken.ToList();
        Assert.True(lines.Count == 0, string.Join('\n', lines));
    }

    [GeneratedRegex(@"(^|/)(artifacts|bin|obj|node_modules)/")]
    private static partial Regex BuildOutput();

    [GeneratedRegex(@"""([^""]+\.csproj)""")]
    private static partial Regex SolutionProject();

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
