namespace Topology.Rules.Tests;

/// <summary><c>BannedSymbols.txt</c> is the one list; the analyzer holds it over the source, this over what was compiled.</summary>
public sealed class BannedSymbolTests
{
    private static readonly string OwnAssembly = typeof(PlantedSymbols).Assembly.Location;

    /// <summary>What a package may refer to in spite of the list, and why.</summary>
    private static readonly Dictionary<(string Package, string Symbol), string> Exceptions = new()
    {
        [("Topology.Retry", "P:System.Random.Shared")] = "RetryPolicy is the one place where the default source of randomness is chosen.",
        [("Topology.Idempotency", "P:System.Random.Shared")] = "The registration of the Redis store chooses its source of randomness; the store takes it.",
    };

    public static TheoryData<string> Packages => Repository.Packages;

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_compiled_package_refers_to_no_banned_symbol(string package)
    {
        var references = SymbolScanner.References(Repository.AssemblyFile(package));
        Repository.AssertNone(Banned()
            .Where(banned => references.Contains(banned.Symbol) && !Exceptions.ContainsKey((package, banned.Symbol)))
            .Select(banned => $"{package} uses {banned.Symbol}: {banned.Advice}"));
    }

    [Fact]
    public void The_scan_finds_every_symbol_of_the_list_where_it_is_planted()
    {
        var references = SymbolScanner.References(OwnAssembly);
        Repository.AssertNone(Banned().Select(banned => banned.Symbol).Where(symbol => !references.Contains(symbol)));
    }

    [Fact]
    public void The_scan_tells_an_overload_with_a_time_provider_from_one_without()
    {
        var references = SymbolScanner.References(OwnAssembly);
        Assert.Contains("M:System.Threading.Tasks.Task.Delay(System.TimeSpan,System.TimeProvider,System.Threading.CancellationToken)", references);
        Assert.DoesNotContain("M:System.Threading.Tasks.Task.Delay(System.TimeSpan,System.TimeProvider)", references);
        Assert.DoesNotContain("M:System.Threading.Thread.Sleep", references);
    }

    [Fact]
    public void An_exception_that_is_no_longer_needed_is_removed() =>
        Assert.All(Exceptions.Keys, exception =>
            Assert.Contains(exception.Symbol, SymbolScanner.References(Repository.AssemblyFile(exception.Package))));

    private static IEnumerable<(string Symbol, string Advice)> Banned()
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "BannedSymbols.txt")).Where(line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal));
        foreach (var line in lines)
        {
            var parts = line.Split(';', 2);
            Assert.Matches("^[TMP]:", parts[0]); // the kinds the scan knows
            yield return (parts[0], parts.Length > 1 ? parts[1] : "");
        }
    }
}
