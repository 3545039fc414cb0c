using System.Text.RegularExpressions;

namespace Topology.Health.Tests;

public sealed partial class ReadmeTests
{
    [Fact]
    public void The_code_of_the_README_is_the_code_that_compiles()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "MultiAgent.Topology.sln")))
            root = root.Parent;
        var compiled = File.ReadAllText(Path.Combine(root.FullName, "tests/Topology.Health.Tests/ReadmeExample.cs"));
        var readme = File.ReadAllText(Path.Combine(root.FullName, "src/Topology.Health/README.md"));

        Assert.Equal(Compiled().Matches(compiled).Select(static part => Trimmed(part.Groups[2].Value)), Shown().Matches(readme).Select(static part => Trimmed(part.Groups[1].Value)));
    }

    [GeneratedRegex("// <(\\w+)>\n(.*?)// </\\1>", RegexOptions.Singleline)]
    private static partial Regex Compiled();

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Shown();

    private static string Trimmed(string code) => string.Join('\n', code.Split('\n').Select(static line => line.Trim())).Trim();
}
