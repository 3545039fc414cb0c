using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Resilience.Internal.Configuration;
using Topology.Retry;

namespace Topology.Resilience.Tests.Configuration;

public sealed class LayerTests
{
    [Fact]
    public void Defaults_file_appsettings_environment_command_line_and_code_win_in_this_order()
    {
        using var files = new TestFiles();
        files.Write("""{ "Topology": { "retry_config": { "api_calls": { "max_attempts": 12, "base_delay": "12ms", "max_delay": "12s", "exponential_base": 1.2 } } } }""", "appsettings.json");
        string prefix = $"T{Guid.NewGuid():N}_";
        Environment.SetEnvironmentVariable(prefix + "Topology__retry_config__api_calls__base_delay", "13ms");
        Environment.SetEnvironmentVariable(prefix + "Topology__retry_config__api_calls__max_delay", "13s");
        Environment.SetEnvironmentVariable(prefix + "TOPOLOGY__RETRYCONFIG__API_CALLS__EXPONENTIALBASE", "1.3");
        using ConfigurationManager configuration = files.Configuration(
            "retry_config:\n  api_calls:\n    jitter: full\n    max_attempts: 11\n    base_delay: 11ms\n    max_delay: 11s\n    exponential_base: 1.1\n",
            c => c.AddJsonFile("appsettings.json").AddEnvironmentVariables(prefix).AddCommandLine(["--Topology:retry-config:apiCalls:MaxDelay=14s", "--Topology:retry_config:api_calls:exponential_base=1.4"]));
        using ServiceProvider services = TestHost.Services(configuration, more: s => s.Configure<RetryProfileOptions>("api_calls", o => o.ExponentialBase = 1.5));
        RetryProfileOptions options = services.GetRequiredService<IOptionsMonitor<RetryProfileOptions>>().Get("api_calls");
        Assert.Equal(RetryJitter.Full, options.Jitter);
        Assert.Equal(12, options.MaxAttempts);
        Assert.Equal(TimeSpan.FromMilliseconds(13), options.BaseDelay);
        Assert.Equal(TimeSpan.FromSeconds(14), options.MaxDelay);
        Assert.Equal(1.5, options.ExponentialBase);
        Assert.Null(options.Budget);
        Assert.DoesNotContain("apiCalls", services.GetRequiredService<IOptions<RetryOptions>>().Value.ProfileNames);
    }

    [Fact]
    public void Faults_of_other_providers_name_the_provider_and_the_key_as_it_is_spelled_there()
    {
        using var files = new TestFiles();
        files.Write("""{ "Topology": { "RetryConfig": { "ToolCalls": { "MaxDelay": "120" } }, "idempotncy": 1 } }""", "appsettings.json");
        string prefix = $"T{Guid.NewGuid():N}_";
        Environment.SetEnvironmentVariable(prefix + "Topology__retry_config__api_calls__max_attempts", "0");
        using ConfigurationManager configuration = files.Configuration(
            "retry_config:\n  api_calls:\n    jitter: often\n",
            c => c.AddJsonFile("appsettings.json").AddEnvironmentVariables(prefix).AddCommandLine(["--Topology:dlq:streams:0:max_age=1x"]).AddInMemoryCollection([new("Topology:retry_config:default:budgt", "b")]));
        using ServiceProvider services = TestHost.Services(configuration);
        var e = Assert.Throws<TopologyConfigurationException>(services.GetRequiredService<SettingsMonitor>().Check);
        Assert.Equal(
            [
                "topology.yaml(3,13): error TOPO1005: retry_config.api_calls.jitter must be true, false, none, equal, full, decorrelated or a proportion such as 0.1 (was 'often')",
                "appsettings.json: error TOPO1502: Topology:idempotncy: unknown key 'idempotncy'; did you mean 'idempotency'?",
                "appsettings.json: error TOPO1004: Topology:RetryConfig:ToolCalls:MaxDelay '120' has no unit; write 120s or 120ms",
                "environment: error TOPO1001: Topology__retry_config__api_calls__max_attempts must be 1..100 (was 0)",
                "command line: error TOPO1304: --Topology:dlq:streams:0:max_age must be a duration such as 500ms, 1m30s or 7d (was '1x')",
                "command line: error TOPO1306: --Topology:dlq:streams:0 has no 'name'",
                "memory: error TOPO1002: Topology:retry_config:default:budgt: unknown key 'budgt' in retry_config.default; did you mean 'budget'?",
            ],
            e.Diagnostics.Select(d => d.ToString()));
    }

    [Fact]
    public void A_fault_in_a_lower_source_is_told_even_where_a_higher_one_is_right()
    {
        string line = Assert.Single(TestHost.Lines("retry_config:\n  default:\n    max_attempts: 0\n", more: c => c.AddInMemoryCollection([new("Topology:retry_config:default:max_attempts", "5")])));
        Assert.StartsWith("topology.yaml(3,19)", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Documents_of_one_file_are_laid_over_each_other_and_a_second_value_is_a_warning()
    {
        const string Text = "retry_config:\n  default:\n    max_attempts: 4\n---\nretry_config:\n  default:\n    max_attempts: 5\n    jitter: none\n";
        using var files = new TestFiles();
        using ServiceProvider services = TestHost.Services(files.Configuration(Text));
        RetryProfileOptions options = services.GetRequiredService<IOptionsMonitor<RetryProfileOptions>>().Get("default");
        Assert.Equal((5, RetryJitter.None), (options.MaxAttempts, options.Jitter));
        Assert.Equal(
            "topology.yaml(7,19): warning TOPO1010: retry_config.default.max_attempts is set again; the value at line 3 is not used",
            Assert.Single(TestHost.Findings(Text)).ToString());
    }

    [Fact]
    public void A_second_file_wins_and_its_lists_replace()
    {
        using var files = new TestFiles();
        files.Write("dlq_config:\n  streams:\n    - name: a.dlq\n      max_age: 2d\n", "more.yaml");
        using ConfigurationManager configuration = files.Configuration("dlq_config:\n  streams:\n    - name: b.dlq\n    - name: c.dlq\n");
        configuration.AddTopologyYaml("more.yaml", reloadOnChange: false);
        using ServiceProvider services = TestHost.Services(configuration);
        ISet<string> names = services.GetRequiredService<IOptions<DeadLetterOptions>>().Value.QueueNames;
        Assert.Contains("a.dlq", names);
        Assert.DoesNotContain("b.dlq", names);
        Assert.Empty(services.GetRequiredService<SettingsMonitor>().Notes);
    }

    [Fact]
    public void Aliases_and_spellings_are_one_key_across_sources()
    {
        using var files = new TestFiles();
        using ConfigurationManager configuration = files.Configuration(
            "retry:\n  API-CALLS:\n    MaxAttempts: 9\n", c => c.AddInMemoryCollection([new("topology:RETRY_CONFIG:apicalls:max-attempts", "10")]));
        using ServiceProvider services = TestHost.Services(configuration);
        Assert.Equal(10, services.GetRequiredService<IOptionsMonitor<RetryProfileOptions>>().Get("api_calls").MaxAttempts);
        Assert.StartsWith("topology.yaml(2,1): error TOPO1007: 'retry_config' and 'retry' at line 1 are the same key", Assert.Single(TestHost.Lines("retry: {}\nretry_config: {}\n")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_spelled_twice_in_a_flat_source_is_an_error()
    {
        string line = Assert.Single(TestHost.Lines("{}", more: c => c.AddInMemoryCollection(
            [new("Topology:retry_config:default:max_attempts", "4"), new("Topology:RetryConfig:Default:MaxAttempts", "5")])));
        Assert.Equal("memory: error TOPO1007: Topology:retry_config:default:max_attempts and Topology:RetryConfig:Default:MaxAttempts are the same key; keep one", line);
    }

    [Fact]
    public void Keys_of_ones_own_start_with_x_anywhere() =>
        Assert.Empty(TestHost.Lines("x-note: 1\nretry_config:\n  x-shared: { a: 1 }\n  default:\n    X-why: because\nidempotency:\n  validation:\n    x-a: [1]\n"));

    [Fact]
    public void An_optional_file_may_be_missing_and_a_chained_configuration_is_looked_through()
    {
        var inner = new ConfigurationManager();
        inner.AddInMemoryCollection([new("Topology:retry_config:default:max_attempts", "6")]);
        var outer = new ConfigurationManager();
        outer.AddTopologyYaml("no-such.yaml", optional: true);
        outer.AddConfiguration(inner);
        using ServiceProvider services = TestHost.Services(outer);
        Assert.Equal(6, services.GetRequiredService<IOptionsMonitor<RetryProfileOptions>>().Get("default").MaxAttempts);
    }

    [Fact]
    public void A_classic_builder_reads_the_file_when_it_is_built()
    {
        using var files = new TestFiles();
        IConfigurationBuilder builder = new ConfigurationBuilder().AddInMemoryCollection([new("Topology:retry_config:default:max_attempts", "8")])
            .SetBasePath(files.Root).AddTopologyYaml("topology.yaml", reloadOnChange: false);
        Assert.Equal("TOPO1530", Assert.Single(Assert.Throws<TopologyConfigurationException>(builder.Build).Diagnostics).Code);
        files.Write("retry_config: { default: { max_attempts: 7, jitter: none } }");
        IConfigurationRoot configuration = builder.Build();
        Assert.Equal("8", configuration["Topology:retry_config:default:max_attempts"]);
        Assert.Equal("none", configuration["Topology:retry_config:default:jitter"]);
    }

    [Fact]
    public void Adding_a_file_twice_is_adding_it_once_and_it_stays_below_other_sources()
    {
        using var files = new TestFiles();
        using ConfigurationManager configuration = files.Configuration("retry_config: {}\n", c => c.AddInMemoryCollection());
        configuration.AddTopologyYaml("topology.yaml");
        IList<IConfigurationSource> sources = ((IConfigurationBuilder)configuration).Sources;
        Assert.IsType<TopologyYamlSource>(sources[0]);
        Assert.Single(sources.OfType<TopologyYamlSource>());
    }
}
