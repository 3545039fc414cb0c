using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace Topology.Rules.Tests;

/// <summary>The conventions a machine can hold.</summary>
public sealed partial class LayoutTests
{
    private static readonly string[] Headings = ["What it is", "Install", "Use", "Options", "What it will not do"];

    private static readonly Dictionary<string, (int First, int Last)> EventIds = new()
    {
        ["Topology.Retry"] = (1000, 1099),
        ["Topology.Idempotency"] = (1100, 1149),
        ["Topology.Idempotency.AspNetCore"] = (1150, 1199),
        ["Topology.Saga"] = (1200, 1249),
        ["Topology.Saga.JetStream"] = (1250, 1299),
        ["Topology.Dlq"] = (1300, 1399),
        ["Topology.Health"] = (1400, 1499),
        ["Topology.Resilience"] = (1500, 1599),
    };

    public static TheoryData<string> Packages => Repository.Packages;

    [Theory]
    [MemberData(nameof(Packages))]
    public void The_files_at_a_package_root_are_its_public_types(string package)
    {
        var types = Repository.Load(package).GetExportedTypes().Where(type => !type.IsNested).Select(type => type.Name.Split('`')[0]).ToHashSet();
        var files = Directory.GetFiles(Repository.Folder(package), "*.cs").Select(file => Path.GetFileName(file).Split('.', '{')[0]).ToHashSet();
        Repository.AssertNone(
        [
            .. types.Except(files).Select(type => $"{package}: public type {type} has no {type}.cs at the root"),
            .. files.Except(types).Select(file => $"{package}: {file}.cs at the root is not named for a public type"),
        ]);
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void Code_that_is_not_public_lies_in_Internal(string package) =>
        Repository.AssertNone(Directory.GetFiles(Repository.Folder(package), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Folder(package), file).Replace('\\', '/'))
            .Where(file => file.Contains('/') && !file.StartsWith("Internal/", StringComparison.Ordinal) && !BuildOutput().IsMatch(file)));

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_class_is_sealed_unless_it_is_an_exception_or_derived_from(string package)
    {
        var types = Repository.Load(package).GetTypes();
        Repository.AssertNone(types
            .Where(type => type.IsClass && !type.IsSealed && !type.IsAbstract && !IsGenerated(type) && !type.IsAssignableTo(typeof(Exception)) && !types.Any(other => IsBase(type, other.BaseType)))
            .Select(type => type.FullName));
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void No_public_type_is_named_like_a_namespace_segment_or_after_nothing(string package)
    {
        var segments = Repository.PackageNames.SelectMany(name => name.Split('.')).Append("Internal").ToHashSet();
        Repository.AssertNone(Repository.Load(package).GetExportedTypes()
            .Where(type => segments.Contains(type.Name) || VagueName().IsMatch(type.Name))
            .Select(type => type.FullName));
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void Event_ids_are_the_packages_own_and_used_once(string package)
    {
        var (first, last) = EventIds[package];
        var ids = Repository.Load(package).GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Where(method => method.IsDefined(typeof(LoggerMessageAttribute)))
            .Select(method => (method.Name, method.GetCustomAttribute<LoggerMessageAttribute>()!.EventId))
            .ToList();
        Repository.AssertNone(ids.Where(id => id.EventId < first || id.EventId > last || ids.Count(other => other.EventId == id.EventId) > 1)
            .Select(id => $"{package}: event id {id.EventId} of {id.Name} is not the only one, or not in {first} to {last}"));
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_package_readme_has_the_five_headings(string package)
    {
        var file = Path.Combine(Repository.Folder(package), "README.md");
        var lines = File.Exists(file) ? File.ReadAllLines(file) : [];
        Assert.Equal(Headings, lines.Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Select(line => line[3..].Trim()));
    }

    [Fact]
    public void Every_project_is_in_the_solution() =>
        Assert.Equal(Repository.Files("*.csproj").Select(Repository.Relative).Order(), Repository.SolutionProjects().Order());

    private static bool IsBase(Type type, Type? of) => of is not null && (of == type || (of.IsGenericType && of.GetGenericTypeDefinition() == type));

    private static bool IsGenerated(Type type) => type.Name.StartsWith('<') || type.IsDefined(typeof(CompilerGeneratedAttribute));

    [GeneratedRegex("^(bin|obj)/")]
    private static partial Regex BuildOutput();

    [GeneratedRegex("(Manager|Helpers?|Utils?|Utilities)$")]
    private static partial Regex VagueName();
}
