using System.Text.RegularExpressions;

namespace Topology.Samples.Tests.Deploy;

/// <summary>Faults planted one at a time in the rendered manifests, the specification's own among them: each is found, under the rule meant for it.</summary>
public sealed partial class SeededFaultTests
{
    private static readonly Dictionary<string, Fault> Faults = SeededFaults.All.ToDictionary(fault => fault.Name);

    public static TheoryData<string> Names => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_fault_is_found(string name)
    {
        var fault = Faults[name];
        var findings = ManifestRules.Check(ManifestSet.Parse(Plant(fault)));
        Assert.True(findings.Any(finding => finding.Rule == fault.Rule), $"{name}: expected '{fault.Rule}', found:\n{string.Join('\n', findings)}");
    }

    [Fact]
    public void Every_rule_has_a_fault_that_it_finds()
    {
        var rules = Directory.GetFiles(Path.Combine(EngTool.Root, "tests/Topology.Samples.Tests/Deploy"), "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "SeededFaults.cs")
            .SelectMany(file => RuleName().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .ToHashSet();
        Assert.Equal(rules.Order(), Faults.Values.Select(fault => fault.Rule).Distinct().Order());
        Assert.InRange(Faults.Count, 30, 200);
    }

    private static string Plant(Fault fault)
    {
        var text = Rendered.Text(fault.Overlay);
        if (fault.Target is null)
            return text + "---\n" + fault.With;
        var documents = text.Split("\n---\n");
        var (kind, name) = (fault.Target.Split('/')[0], fault.Target.Split('/')[1]);
        var index = Array.FindIndex(documents, document => Regex.IsMatch(document, $"^kind: {kind}$", RegexOptions.Multiline) && Regex.IsMatch(document, $"^  name: {Regex.Escape(name)}(-[a-z0-9]+)?$", RegexOptions.Multiline));
        Assert.True(index >= 0, $"{fault.Name}: no {fault.Target} in {fault.Overlay}");
        if (fault.What is null)
            return string.Join("\n---\n", documents.Where((_, position) => position != index));
        var changed = new Regex(fault.What, RegexOptions.Multiline).Replace(documents[index], fault.With, 1);
        Assert.True(changed != documents[index], $"{fault.Name}: nothing to change in\n{documents[index]}");
        documents[index] = changed;
        return string.Join("\n---\n", documents);
    }

    [GeneratedRegex(@"new(?: Finding)?\(""([a-z]+)"", \$?""")]
    private static partial Regex RuleName();
}
