using PublicApiGenerator;

namespace Topology.Rules.Tests;

/// <summary>A change of a package's public surface is seen in a diff of <c>Approved/</c>.</summary>
public sealed class PublicApiTests
{
    private static readonly ApiGeneratorOptions Options = new() { DenyNamespacePrefixes = [], IncludeAssemblyAttributes = false };

    private static readonly string Approved = Path.Combine(Repository.Root, "tests", "Topology.Rules.Tests", "Approved");

    public static TheoryData<string> Packages => Repository.Packages;

    [Theory]
    [MemberData(nameof(Packages))]
    public void The_public_api_is_the_approved_one(string package)
    {
        var file = Path.Combine(Approved, package + ".txt");
        var actual = Repository.Load(package).GeneratePublicApi(Options).ReplaceLineEndings("\n").Trim() + "\n";
        var approved = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        if (actual == approved)
            return;
        if (Repository.Approve)
        {
            File.WriteAllText(file, actual);
            return;
        }

        var (now, before) = (actual.Split('\n'), approved.Split('\n'));
        var difference = before.Except(now).Select(line => "- " + line.Trim()).Concat(now.Except(before).Select(line => "+ " + line.Trim())).Take(20);
        Assert.Fail($"The public API of {package} changed:\n{string.Join('\n', difference)}\n{Repository.HowToApprove}");
    }

    [Fact]
    public void Every_approved_file_belongs_to_a_package() =>
        Assert.Equal(Repository.PackageNames, Directory.GetFiles(Approved, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)!).Order());
}
