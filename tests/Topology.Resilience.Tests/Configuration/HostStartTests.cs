using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

public sealed class HostStartTests
{
    [Theory]
    [InlineData("retry_config:\n  api_calls:\n    max_attempts: 0\n", "topology.yaml(3,19): error TOPO1001: retry_config.api_calls.max_attempts must be 1..100 (was 0)")]
    [InlineData("retry_config:\n  api_calls:\n    base_delay: 60\n", "topology.yaml(3,17): error TOPO1004: retry_config.api_calls.base_delay '60' has no unit; write 60s or 60ms")]
    [InlineData("retry_config:\n  api_calls:\n    base_dealy: 1s\n", "topology.yaml(3,5): error TOPO1002: unknown key 'base_dealy' in retry_config.api_calls; did you mean 'base_delay'?")]
    [InlineData("retry_config:\n  api_calls:\n   - a\n  b: [\n", "topology.yaml(5,1): error TOPO1534: not valid YAML: ")]
    [InlineData(null, "topology.yaml(1,1): error TOPO1530: the file does not exist; looked for ")]
    public async Task One_fault_is_one_line_and_nothing_is_started_or_logged(string? text, string expected)
    {
        using var files = new TestFiles();
        if (text is not null)
        {
            files.Write(text);
        }

        using var log = new FakeLoggerProvider();
        var started = new Started();
        TopologyConfigurationException e = await Assert.ThrowsAsync<TopologyConfigurationException>(async () =>
        {
            WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = files.Root });
            builder.Logging.ClearProviders().AddProvider(log);
            builder.Services.AddSingleton<IHostedService>(started);
            builder.Configuration.AddTopologyYaml("topology.yaml");
            TestHost.AddPackages(builder.Services);
            builder.Services.AddTopologySettings(builder.Configuration);
            await using WebApplication app = builder.Build();
            Assert.Fail("The host was built.");
        });
        Assert.StartsWith(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        Assert.Single(e.Diagnostics);
        Assert.False(started.IsStarted);
        Assert.DoesNotContain(log.Collector.GetSnapshot(), r => r.Level >= LogLevel.Warning);
    }

    [Fact]
    public void Options_read_before_the_start_fail_the_same_way()
    {
        using var files = new TestFiles();
        using ServiceProvider services = TestHost.Services(files.Configuration("retry_config:\n  fast:\n    max_attempts: 0\nidempotency:\n  ttl: 1\n"));
        var monitor = services.GetRequiredService<Microsoft.Extensions.Options.IOptionsMonitor<Retry.RetryProfileOptions>>();
        var e = Assert.Throws<TopologyConfigurationException>(() => monitor.Get("default"));
        Assert.Equal(2, e.Diagnostics.Count);
        Assert.Equal(e.Message, Assert.Throws<TopologyConfigurationException>(() => services.GetRequiredService<SettingsMonitor>().Check()).Message);
    }

    private sealed class Started : IHostedService
    {
        public bool IsStarted { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken)
        {
            IsStarted = true;
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
