using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Health.Tests;

public sealed class OptionsValidatorTests
{
    public static TheoryData<string, Action<HealthOptions>> BadOptions => new()
    {
        { "LivePath is 'live'; it must be a path that starts with '/'.", static options => options.LivePath = "live" },
        { "ReadyPath is ''; it must be a path that starts with '/'.", static options => options.ReadyPath = "" },
        { "StartupPath is '/'; it must be a path that starts with '/'.", static options => options.StartupPath = "/" },
        { "are '/a', '/A', '/health/startup'; they must differ.", static options => (options.LivePath, options.ReadyPath) = ("/a", "/A") },
        { "ManagementPort is 0; it must be 1 to 65535.", static options => options.ManagementPort = 0 },
        { "ManagementPort is 65536; it must be 1 to 65535.", static options => options.ManagementPort = 65536 },
        { "Period is 00:00:00.0990000; it must be 00:00:00.1000000 to 01:00:00.", static options => options.Period = TimeSpan.FromMilliseconds(99) },
        { "Period is 01:00:00.0010000", static options => options.Period = TimeSpan.FromMilliseconds(3_600_001) },
        { "Timeout is 00:00:00.0090000; it must be 00:00:00.0100000 to 00:05:00.", static options => options.Timeout = TimeSpan.FromMilliseconds(9) },
        { "Timeout is 00:05:00.0010000", static options => options.Timeout = TimeSpan.FromMilliseconds(300_001) },
        { "MaxThreadPoolDelay is 00:00:00; it must be 00:00:00.1000000 to 00:05:00.", static options => options.MaxThreadPoolDelay = TimeSpan.Zero },
        { "DrainDelay is -00:00:01; it must be 00:00:00 to 00:10:00.", static options => options.DrainDelay = TimeSpan.FromSeconds(-1) },
        { "StopBudget is 00:10:01; it must be 00:00:00 to 00:10:00.", static options => options.StopBudget = TimeSpan.FromSeconds(601) },
        { "FailureThreshold is 0; it must be 1 to 100.", static options => options.FailureThreshold = 0 },
        { "FailureThreshold is 101; it must be 1 to 100.", static options => options.FailureThreshold = 101 },
        { "SuccessThreshold is 0; it must be 1 to 100.", static options => options.SuccessThreshold = 0 },
        { "Jitter is 0.51; it must be 0 to 0.5.", static options => options.Jitter = 0.51 },
        { "Jitter is NaN; it must be 0 to 0.5.", static options => options.Jitter = double.NaN },
        { "HostOptions.ShutdownTimeout, which is 00:00:30; it must be at least 00:00:30.0010000.", static options => options.DrainDelay = TimeSpan.FromMilliseconds(20_001) },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void A_value_out_of_range_is_refused_by_name_value_and_range(string message, Action<HealthOptions> spoil)
    {
        using var provider = new ServiceCollection().AddTopologyHealth(spoil).BuildServiceProvider();
        var refused = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IOptions<HealthOptions>>().Value);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_drain_may_fill_the_shutdown_timeout_exactly()
    {
        using var provider = new ServiceCollection()
            .AddTopologyHealth(static options => options.DrainDelay = TimeSpan.FromSeconds(50))
            .Configure<HostOptions>(static host => host.ShutdownTimeout = TimeSpan.FromMinutes(1))
            .BuildServiceProvider();
        Assert.Equal(TimeSpan.FromSeconds(50), provider.GetRequiredService<IOptions<HealthOptions>>().Value.DrainDelay);
    }

    [Theory]
    [InlineData("api_gateway", false)]
    [InlineData("another", true)]
    [InlineData(null, true)]
    public void A_path_declared_for_this_service_is_one_that_it_answers(string? service, bool accepted)
    {
        using var provider = new ServiceCollection()
            .AddTopologyHealth(options => options.ServiceName = service)
            .Configure<ServiceProbeOptions>("api_gateway", static probes => probes.Readiness = new() { Path = "/ready" })
            .BuildServiceProvider();
        var start = () => provider.GetRequiredService<IOptions<HealthOptions>>().Value;
        if (accepted)
            Assert.Equal(service, start().ServiceName);
        else
            Assert.Equal(
                "readiness_probes.api_gateway.http_get.path is '/ready'; it must be '/health/ready', the ReadyPath this service answers on.",
                Assert.Throws<OptionsValidationException>(start).Message);
    }

    public static TheoryData<string, Action<ProbeOptions>> BadProbes => new()
    {
        { "http_get.path is 'health'; it must be a path that starts with '/'.", static probe => probe.Path = "health" },
        { "http_get.port is 0; it must be 1 to 65535.", static probe => probe.Port = 0 },
        { "http_get.port is 65536; it must be 1 to 65535.", static probe => probe.Port = 65536 },
        { "initial_delay_seconds is -1; it must be 0 to 3600.", static probe => probe.InitialDelaySeconds = -1 },
        { "initial_delay_seconds is 3601; it must be 0 to 3600.", static probe => probe.InitialDelaySeconds = 3601 },
        { "period_seconds is 0; it must be 1 to 3600.", static probe => probe.PeriodSeconds = 0 },
        { "period_seconds is 3601; it must be 1 to 3600.", static probe => probe.PeriodSeconds = 3601 },
        { "timeout_seconds is 0; it must be 1 to 3600.", static probe => probe.TimeoutSeconds = 0 },
        { "timeout_seconds is 3601; it must be 1 to 3600.", static probe => probe.TimeoutSeconds = 3601 },
        { "success_threshold is 0; it must be 1", static probe => probe.SuccessThreshold = 0 },
        { "success_threshold is 101; it must be 1", static probe => probe.SuccessThreshold = 101 },
        { "failure_threshold is 0; it must be 1 to 100.", static probe => probe.FailureThreshold = 0 },
        { "failure_threshold is 101; it must be 1 to 100.", static probe => probe.FailureThreshold = 101 },
    };

    [Theory]
    [MemberData(nameof(BadProbes))]
    public void A_probe_timing_out_of_range_is_refused_by_the_key_of_the_file(string message, Action<ProbeOptions> spoil)
    {
        var probe = new ProbeOptions();
        spoil(probe);
        Assert.Contains("readiness_probes.api_gateway." + message, Refusal(new ServiceProbeOptions { Readiness = probe }), StringComparison.Ordinal);
        Assert.Contains("liveness_probes.api_gateway." + message, Refusal(new ServiceProbeOptions { Liveness = probe }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_readiness_probe_may_ask_for_more_than_one_success_and_a_liveness_probe_may_not()
    {
        Assert.Null(Refusal(new ServiceProbeOptions { Readiness = new() { SuccessThreshold = 100 } }));
        Assert.Equal(
            "liveness_probes.api_gateway.success_threshold is 2; it must be 1.",
            Refusal(new ServiceProbeOptions { Liveness = new() { SuccessThreshold = 2 } }));
    }

    private static string? Refusal(ServiceProbeOptions options)
    {
        using var provider = new ServiceCollection().AddTopologyHealth().BuildServiceProvider();
        return provider.GetRequiredService<IEnumerable<IValidateOptions<ServiceProbeOptions>>>().Single().Validate("api_gateway", options).FailureMessage;
    }
}
