using System.Text.RegularExpressions;

namespace Topology.Rules.Tests;

/// <summary>What a reader copies is what the compiler saw.</summary>
public sealed partial class DocumentCodeTests
{
    public static TheoryData<string> Documents =>
        [.. Repository.Files("*.md").Select(Repository.Relative).Where(file => IsReadme(file) || file.StartsWith("docs/", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Code_in_a_document_equals_the_compiled_code_it_names(string document)
    {
        var file = Path.Combine(Repository.Root, document);
        var text = File.ReadAllText(file).ReplaceLineEndings("\n");
        var current = DocumentCode.Rewrite(text, Compiled, out var unmarked);
        if (IsReadme(document))
            Assert.True(unmarked.Count == 0, $"{document}: the C# block at line {string.Join(", ", unmarked)} needs <!-- code: FILE#region --> above it, naming compiled code.");
        if (current == text)
            return;
        if (Repository.Approve)
        {
            File.WriteAllText(file, current);
            return;
        }

        Assert.Fail($"{document}: code differs from the source it names, first at line {FirstDifference(current, text)}. {Repository.HowToApprove}");
    }

    [Fact]
    public void A_link_of_a_document_leads_to_a_file_of_the_repository() =>
        Repository.AssertNone(
            from file in Repository.Files("*.md")
            from link in Link().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value)
            let target = Path.GetFullPath(link, Path.GetDirectoryName(file)!)
            where !File.Exists(target) && !Directory.Exists(target)
            select $"{Repository.Relative(file)}: nothing is at {link}");

    [Fact]
    public void A_block_is_replaced_by_the_code_its_mark_names()
    {
        const string document = "a\n<!-- code: X.cs#use -->\n```csharp\nold\n```\nb\n";
        var current = DocumentCode.Rewrite(document, mark => mark == "X.cs#use" ? "new();\nnew();" : "?", out var unmarked);
        Assert.Equal("a\n<!-- code: X.cs#use -->\n```csharp\nnew();\nnew();\n```\nb\n", current);
        Assert.Empty(unmarked);
    }

    [Fact]
    public void A_block_without_a_mark_is_told_by_its_line_and_left_alone()
    {
        const string document = "```json\n{}\n```\n\n```cs\nvar x = 1;\n```\n````text\n```csharp\n```\n````\n";
        Assert.Equal(document, DocumentCode.Rewrite(document, _ => "?", out var unmarked));
        Assert.Equal([5], unmarked);
    }

    [Fact]
    public void A_region_is_cut_without_indentation_and_without_inner_region_lines()
    {
        const string source = "class A\n{\n    #region use\n    void B()\n    {\n        #region inner\n        C();\n        #endregion\n    }\n    #endregion\n}\n";
        Assert.Equal("void B()\n{\n    C();\n}", DocumentCode.Cut(source, "use"));
        Assert.Equal("C();", DocumentCode.Cut(source, "inner"));
        Assert.Throws<InvalidOperationException>(() => DocumentCode.Cut(source, "other"));
    }

    [GeneratedRegex(@"\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)")]
    private static partial Regex Link();

    private static bool IsReadme(string file) => Path.GetFileName(file) == "README.md";

    private static string Compiled(string mark)
    {
        var parts = mark.Split('#', 2);
        var projects = Repository.SolutionProjects().Select(project => Path.GetDirectoryName(project)!.Replace('\\', '/') + "/");
        Assert.True(projects.Any(folder => parts[0].StartsWith(folder, StringComparison.Ordinal)), $"{parts[0]} is in no project of the solution.");
        Assert.True(parts[0].EndsWith(".cs", StringComparison.Ordinal) || parts[0].EndsWith(".yaml", StringComparison.Ordinal), $"{parts[0]} is neither code nor a topology file.");
        return DocumentCode.Cut(File.ReadAllText(Path.Combine(Repository.Root, parts[0])), parts.Length > 1 ? parts[1] : null);
    }

    private static int FirstDifference(string left, string right) =>
        left.Split('\n').Zip(right.Split('\n')).TakeWhile(pair => pair.First == pair.Second).Count() + 1;
}
