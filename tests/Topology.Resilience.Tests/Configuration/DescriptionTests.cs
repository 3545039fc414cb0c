using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

public sealed class DescriptionTests
{
    [Fact]
    public void It_tells_values_places_waits_streams_and_registrations()
    {
        using var files = new TestFiles();
        files.Write(TestFiles.SpecYaml);
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = files.Root });
        builder.Configuration.AddTopologyYaml("topology.yaml", reloadOnChange: false);
        builder.Configuration.AddCommandLine(["--Topology:retry_config:api_calls:max_attempts=4"]);
        var registrations = new TopologyRegistrations();
        SpecificationTests.Register("everything")(registrations);
        builder.Services.AddSingleton(registrations);
        TestHost.AddPackages(builder.Services);
        builder.Services.AddTopologySettings(builder.Configuration);
        builder.Services.Configure<Idempotency.IdempotencyOptions>(o => o.Lease = TimeSpan.FromSeconds(45));
        using WebApplication app = builder.Build();
        string[] lines = [.. app.DescribeTopology().Split('\n').Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];

        Assert.Contains("max_attempts 4 command line --Topology:retry_config:api_calls:max_attempts", lines);
        Assert.Contains("base_delay 500ms topology.yaml:223", lines);
        Assert.Contains("waits 450ms–550ms, 900ms–1.1s, 1.8s–2.2s", lines);
        Assert.Contains("attempt_timeout not set default", lines);
        Assert.Contains("lease 45s code", lines);
        Assert.Contains("storage redis topology.yaml:322", lines);
        Assert.Contains("tool.call.dlq → stream TOOL_CALL_DLQ, marks TOOL_CALL_DLQ_MARKS", lines);
        Assert.Contains("subjects tool.call.failed topology.yaml:151", lines);
        Assert.Contains("consumer none: alerts only", lines);
        Assert.Contains("compensation_action.backoff not set default", lines);
        Assert.Contains("sagas order_processing (payment_authorization → inventory_reservation → email_notification → crm_update)", lines);
        Assert.Contains(lines, l => l.StartsWith("topology.yaml(173,17): warning TOPO1325", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tr-TR")]
    [InlineData("de-DE")]
    [InlineData("ar-SA")]
    public void Every_row_of_the_schema_is_told_and_reads_the_same_in_every_culture(string culture)
    {
        using var files = new TestFiles();
        using ServiceProvider services = TestHost.Services(files.Configuration(
            TestFiles.SpecYaml + "retry_budgets:\n  shared: { max_tokens: 70 }\nstartup_probes:\n  realtime: { period_seconds: 2 }\n"));
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            string usual = new TopologyDescription(services).Write();
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            Assert.Equal(usual, new TopologyDescription(services).Write());
            string[] told = [.. usual.Split('\n').Select(l => l.TrimStart().Split(' ')[0])];
            foreach (SettingGroup group in TopologySchema.Groups)
            {
                // The name of a queue and of a step is the line above its rows.
                Assert.All(
                    group.Rows.Where(r => !(r.Required && r.Key is "name" or "stream" or "step_id")),
                    row => Assert.Contains(row.Key.TrimEnd('[', ']'), told));
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Without_a_file_everything_is_a_default()
    {
        using var files = new TestFiles();
        using ServiceProvider services = TestHost.Services(new ConfigurationManager());
        string[] lines = new TopologyDescription(services).Write().Split('\n');
        Assert.DoesNotContain(lines, l => l.EndsWith(" code", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.EndsWith(" default", StringComparison.Ordinal));
    }

    [Fact]
    public void A_host_without_topology_says_so()
    {
        using IHost host = new HostBuilder().Build();
        Assert.Throws<InvalidOperationException>(host.DescribeTopology);
    }
}
