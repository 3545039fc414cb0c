using FsCheck;
using FsCheck.Xunit;
using YamlDotNet.Serialization;

namespace Topology.Health.Tests;

public sealed class KubernetesProbesTests
{
    [Fact]
    public void The_gateway_of_the_specification_is_written_with_the_names_of_kubernetes()
    {
        var probes = new ServiceProbeOptions
        {
            Readiness = new() { Path = "/health/ready", InitialDelaySeconds = 10, PeriodSeconds = 5, TimeoutSeconds = 3 },
            Liveness = new() { Path = "/health/live", InitialDelaySeconds = 30, PeriodSeconds = 10, TimeoutSeconds = 5 },
        };
        Assert.Equal(
            """
            readinessProbe:
              httpGet:
                path: "/health/ready"
                port: 8000
              initialDelaySeconds: 10
              periodSeconds: 5
              timeoutSeconds: 3
              successThreshold: 1
              failureThreshold: 3
            livenessProbe:
              httpGet:
                path: "/health/live"
                port: 8000
              initialDelaySeconds: 30
              periodSeconds: 10
              timeoutSeconds: 5
              successThreshold: 1
              failureThreshold: 3

            """.ReplaceLineEndings("\n"),
            KubernetesProbes.ToYaml(probes));
    }

    [Fact]
    public void Without_a_probe_nothing_is_written() => Assert.Equal("", KubernetesProbes.ToYaml(new()));

    [Property(MaxTest = 500)]
    public bool What_is_written_reads_back_as_the_same_values(NonNull<string> path, ushort port, ushort delay, ushort period, ushort timeout, byte successes, byte failures)
    {
        // A lone surrogate is no text: no file of the platform can hold one.
        var text = new string([.. path.Get.Where(static letter => !char.IsSurrogate(letter))]);
        var probe = new ProbeOptions
        {
            Path = "/" + text,
            Port = port,
            InitialDelaySeconds = delay,
            PeriodSeconds = period,
            TimeoutSeconds = timeout,
            SuccessThreshold = successes,
            FailureThreshold = failures,
        };
        var yaml = KubernetesProbes.ToYaml(new() { Startup = probe });
        var read = new DeserializerBuilder().Build().Deserialize<Dictionary<string, Dictionary<string, object>>>(yaml)["startupProbe"];
        var get = (Dictionary<object, object>)read["httpGet"];
        return read.Count == 6 && get.Count == 2
            && (string)get["path"] == probe.Path && Is(get["port"], port)
            && Is(read["initialDelaySeconds"], delay) && Is(read["periodSeconds"], period) && Is(read["timeoutSeconds"], timeout)
            && Is(read["successThreshold"], successes) && Is(read["failureThreshold"], failures);

        static bool Is(object read, int value) => (string)read == value.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
