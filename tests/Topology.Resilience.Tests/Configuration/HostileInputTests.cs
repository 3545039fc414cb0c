using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Configuration;

namespace Topology.Resilience.Tests.Configuration;

/// <summary>Input nobody wrote in good faith, or that some tool garbled: a clear error or a right read, in bounded memory and time.</summary>
public sealed class HostileInputTests
{
    private const string Good = "retry_config:\n  api_calls:\n    max_attempts: 7\n";

    [Fact]
    public void A_file_of_ten_megabytes_is_refused_without_being_read_through()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("topology.yaml(1,1): error TOPO1533: the file is larger than 1 MiB", Refused(Encoding.UTF8.GetBytes("# " + new string('x', 10 << 20))));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20);
    }

    [Fact]
    public void Anchors_that_explode_are_refused()
    {
        var text = new StringBuilder("x-a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
        for (int i = 1; i < 12; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"x-a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        Assert.Contains("error TOPO1535: more than 100000 values once aliases are written out", Refused(text.ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_nothing_but_unknown_keys_is_answered_soon_and_shortly()
    {
        var clock = Stopwatch.StartNew();
        using var files = new TestFiles();
        using ConfigurationManager configuration = files.Configuration(string.Concat(Enumerable.Range(0, 60_000).Select(i => $"retry_c{i}: 1\n")));
        using Microsoft.Extensions.DependencyInjection.ServiceProvider services = TestHost.Services(configuration);
        var e = Assert.Throws<TopologyConfigurationException>(((Resilience.Internal.Configuration.SettingsMonitor)services.GetService(typeof(Resilience.Internal.Configuration.SettingsMonitor))!).Check);
        Assert.Equal(60_000, e.Diagnostics.Count);
        Assert.EndsWith("\n… and 59900 more errors", e.Message, StringComparison.Ordinal);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{clock.Elapsed}");
    }

    [Fact]
    public void More_names_than_anyone_has_are_refused() => Assert.Equal(
        "topology.yaml(2,3): error TOPO1535: retry_config has more than 1000 entries",
        Assert.Single(TestHost.Lines("retry_config:\n" + string.Concat(Enumerable.Range(0, 60_000).Select(i => $"  p{i}: {{}}\n")))));

    [Fact]
    public void What_a_file_holds_cannot_steer_the_terminal() => Assert.Equal(
        "topology.yaml(1,1): error TOPO1502: unknown key 'a�[31m topology.yaml(9,9): error'; start keys of your own with 'x-'",
        Assert.Single(TestHost.Lines("\"a\\e[31m\\r\\ntopology.yaml(9,9): error\": 1\n")));

    [Fact]
    public void An_anchor_inside_itself_is_refused() =>
        Assert.Equal("topology.yaml(1,12): error TOPO1534: not valid YAML: no anchor '&a' before this alias", Refused("x: &a { y: *a }"));

    [Theory]
    [InlineData("[", 1_000)]
    [InlineData("{ a: ", 100_000)]
    [InlineData("- ", 100_000)]
    public void Deep_nesting_is_refused(string part, int depth) =>
        Assert.Contains("nested deeper than 64 levels", Refused("x: \n  " + string.Concat(Enumerable.Repeat(part, depth))), StringComparison.Ordinal);

    [Fact]
    public void Nul_is_refused_where_it_stands() =>
        Assert.Equal("topology.yaml(2,4): error TOPO1532: control character U+0000", Refused("a: 1\nb: \0\nc: 1"));

    [Fact]
    public void A_byte_that_is_not_utf8_is_named_where_it_stands() =>
        Assert.Equal("topology.yaml(2,4): error TOPO1532: the file is not UTF-8", Refused([.. "a: 1\nb: "u8, 0xE9, .. "\n"u8]));

    [Fact]
    public void A_utf16_file_is_refused() =>
        Assert.Equal("topology.yaml(1,1): error TOPO1532: the file is UTF-16; save it as UTF-8", Refused(Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes(Good)).ToArray()));

    [Theory]
    [InlineData("\uFEFF" + Good)]
    [InlineData("retry_config:\r\n  api_calls:\r\n    max_attempts: 7\r\n")]
    [InlineData("---\n" + Good + "...\n")]
    [InlineData("x-shared: &api\n  max_attempts: 7\nretry_config:\n  api_calls: *api\n")]
    [InlineData("x-shared: &api\n  max_attempts: 7\n  jitter: full\nretry_config:\n  api_calls:\n    <<: *api\n    jitter: none\n")]
    [InlineData("{ retry_config: { api_calls: { max_attempts: 7 } } }")]
    [InlineData("retry_config:\n  api_calls:\n    max_attempts: \"7\"\n")]
    public void Ordinary_variants_are_read(string text)
    {
        using var files = new TestFiles();
        using ConfigurationManager configuration = files.Configuration(text);
        Assert.Equal("7", configuration["Topology:retry_config:api_calls:max_attempts"]);
        Assert.Empty(TestHost.Lines(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n---\n")]
    public void An_empty_file_means_the_defaults(string text) => Assert.Empty(TestHost.Lines(text));

    [Theory]
    [InlineData("- a\n", "topology.yaml(1,1): error TOPO1508: a topology file must be a mapping of keys")]
    [InlineData("hello\n", "topology.yaml(1,1): error TOPO1508: a topology file must be a mapping of keys")]
    public void A_root_that_is_no_mapping_is_refused(string text, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TestHost.Lines(text)), StringComparison.Ordinal);

    [Fact]
    public void A_directory_is_refused()
    {
        using var files = new TestFiles();
        Directory.CreateDirectory(Path.Combine(files.Root, "topology.yaml"));
        Assert.StartsWith("topology.yaml(1,1): error TOPO1531: the file cannot be read", Load(files), StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_and_broken_copies_of_the_specification_never_end_in_anything_else()
    {
        var random = new Random(20261122);
        byte[] spec = Encoding.UTF8.GetBytes(TestFiles.SpecYaml.Replace("\n\n\n", "\n", StringComparison.Ordinal));
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < 400; i++)
        {
            byte[] bytes = [.. spec];
            for (int change = 0; change < 1 + (i % 8); change++)
            {
                bytes[random.Next(bytes.Length)] = (byte)(i % 3 == 0 ? random.Next(256) : "{}[]:-&*!|>'\"%@`#, \n"[random.Next(20)]);
            }

            using var files = new TestFiles();
            File.WriteAllBytes(Path.Combine(files.Root, "topology.yaml"), bytes[..random.Next(bytes.Length)]);
            try
            {
                var configuration = new ConfigurationManager();
                configuration.SetBasePath(files.Root);
                configuration.AddTopologyYaml("topology.yaml", reloadOnChange: false);
                Resilience.Internal.Configuration.SettingsReader.Read(configuration);
            }
            catch (TopologyConfigurationException e)
            {
                Assert.All(e.Diagnostics, d => Assert.True(d.Line > 0 && d.Column > 0));
            }
        }

        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1));
    }

    private static string Refused(string text) => Refused(Encoding.UTF8.GetBytes(text));

    private static string Refused(byte[] bytes)
    {
        using var files = new TestFiles();
        File.WriteAllBytes(Path.Combine(files.Root, "topology.yaml"), bytes);
        return Load(files);
    }

    private static string Load(TestFiles files)
    {
        using var configuration = new ConfigurationManager();
        configuration.SetBasePath(files.Root);
        return Assert.Throws<TopologyConfigurationException>(() => configuration.AddTopologyYaml("topology.yaml", reloadOnChange: false)).Message;
    }
}
