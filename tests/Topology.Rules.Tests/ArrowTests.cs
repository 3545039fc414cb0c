using System.Reflection;
using System.Xml.Linq;

namespace Topology.Rules.Tests;

/// <summary>Which package may know which: the table of the architecture, over the project files and over what was compiled.</summary>
public sealed class ArrowTests
{
    private const string AspNetCore = "Microsoft.AspNetCore.App";

    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Topology.Retry"] = [],
        ["Topology.Idempotency"] = ["StackExchange.Redis"],
        ["Topology.Idempotency.AspNetCore"] = ["Topology.Idempotency", AspNetCore],
        ["Topology.Saga"] = ["Topology.Retry"],
        ["Topology.Saga.JetStream"] = ["Topology.Saga", "NATS.Client.JetStream"],
        ["Topology.Dlq"] = ["Topology.Retry", "NATS.Client.JetStream"],
        ["Topology.Health"] = [AspNetCore],
        ["Topology.Resilience"] =
        [
            "Topology.Retry", "Topology.Idempotency", "Topology.Idempotency.AspNetCore", "Topology.Saga", "Topology.Saga.JetStream",
            "Topology.Dlq", "Topology.Health", AspNetCore, "YamlDotNet", "OpenTelemetry.Api.ProviderBuilderExtensions",
        ],
    };

    public static TheoryData<string> Packages => Repository.Packages;

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_project_file_refers_only_to_what_the_table_allows(string package) =>
        Repository.AssertNone(Refused(package, XDocument.Load(Path.Combine(Repository.Folder(package), package + ".csproj"))));

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_compiled_package_refers_only_to_what_the_table_allows(string package) =>
        Repository.AssertNone(Refused(package, Repository.Load(package).GetReferencedAssemblies()));

    [Theory]
    [InlineData("Topology.Retry", """<ProjectReference Include="..\Topology.Saga\Topology.Saga.csproj" />""")]
    [InlineData("Topology.Dlq", """<ProjectReference Include="../Topology.Saga/Topology.Saga.csproj" />""")]
    [InlineData("Topology.Saga", """<PackageReference Include="NATS.Client.JetStream" />""")]
    [InlineData("Topology.Idempotency", """<FrameworkReference Include="Microsoft.AspNetCore.App" />""")]
    [InlineData("Topology.Resilience", """<PackageReference Include="Polly.Core" />""")]
    [InlineData("Topology.Dlq", """<Reference Include="StackExchange.Redis" />""")]
    [InlineData("Topology.New", """<PackageReference Include="YamlDotNet" />""")]
    public void A_project_file_that_breaks_the_table_is_refused(string package, string reference) =>
        Assert.Single(Refused(package, XDocument.Parse($"""<Project Sdk="Microsoft.NET.Sdk"><ItemGroup>{reference}</ItemGroup></Project>""")));

    [Fact]
    public void A_web_project_brings_the_framework_and_is_refused() =>
        Assert.Single(Refused("Topology.Retry", XDocument.Parse("""<Project Sdk="Microsoft.NET.Sdk.Web" />""")));

    [Theory]
    [InlineData("Topology.Retry", "Topology.Idempotency")]
    [InlineData("Topology.Dlq", "Topology.Saga")]
    [InlineData("Topology.Saga.JetStream", "Topology.Retry")]
    [InlineData("Topology.Saga", "NATS.Client.Core")]
    [InlineData("Topology.Saga", "Microsoft.AspNetCore.Http.Abstractions")]
    [InlineData("Topology.Idempotency.AspNetCore", "StackExchange.Redis")]
    [InlineData("Topology.Dlq", "YamlDotNet")]
    public void A_compiled_reference_that_breaks_the_table_is_refused(string package, string reference) =>
        Assert.Equal([$"{package} is compiled against {reference}"], Refused(package, [new AssemblyName(reference)]));

    private static string[] Allowed(string package) => Arrows.GetValueOrDefault(package, []);

    private static List<string> Refused(string package, XDocument project)
    {
        var refused = new List<string>();
        if (project.Root!.Attribute("Sdk")?.Value != "Microsoft.NET.Sdk")
            refused.Add($"{package} is not built with Microsoft.NET.Sdk");
        foreach (var reference in project.Descendants().Where(element => element.Name.LocalName.EndsWith("Reference", StringComparison.Ordinal)))
        {
            var name = reference.Attribute("Include")?.Value ?? reference.Attribute("Update")?.Value ?? "";
            if (reference.Name.LocalName == "ProjectReference")
                name = Path.GetFileNameWithoutExtension(name.Replace('\\', '/'));
            if (!Allowed(package).Contains(name) && !IsPlatform(name))
                refused.Add($"{package}.csproj: {reference.Name.LocalName} {name}");
        }

        return refused;
    }

    private static List<string> Refused(string package, IEnumerable<AssemblyName> references)
    {
        var allowed = Allowed(package);
        // The front door wires the providers of the packages it is made of, so what they may use it may use.
        if (package == "Topology.Resilience")
            allowed = [.. allowed, .. allowed.SelectMany(Allowed)];
        return
        [
            .. references.Select(reference => reference.Name!)
                .Where(name => !IsPlatform(name) && !allowed.Any(entry => Covers(entry, name)))
                .Select(name => $"{package} is compiled against {name}"),
        ];
    }

    private static bool IsPlatform(string name) =>
        name is "netstandard" || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal);

    // One package holds several assemblies: NATS.Client.JetStream brings NATS.Client.Core, the framework Microsoft.AspNetCore.*.
    private static bool Covers(string entry, string assembly) => entry switch
    {
        AspNetCore => assembly.StartsWith("Microsoft.AspNetCore.", StringComparison.Ordinal) || assembly.StartsWith("Microsoft.Net.Http.", StringComparison.Ordinal),
        "NATS.Client.JetStream" => assembly.StartsWith("NATS.Client.", StringComparison.Ordinal),
        "OpenTelemetry.Api.ProviderBuilderExtensions" => assembly.StartsWith("OpenTelemetry.Api", StringComparison.Ordinal),
        _ => assembly == entry,
    };
}
