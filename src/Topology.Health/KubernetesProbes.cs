using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Topology.Health;

/// <summary>Writes probe options as the probes of a Kubernetes container, so that a manifest and the service cannot disagree.</summary>
public static class KubernetesProbes
{
    /// <summary>Writes the probes that are set as <c>startupProbe</c>, <c>readinessProbe</c> and <c>livenessProbe</c>.</summary>
    /// <param name="probes">The probes of one service.</param>
    /// <returns>YAML for a container of a pod template, not indented, every line ended by <c>\n</c>; empty when no probe is set.</returns>
    public static string ToYaml(ServiceProbeOptions probes)
    {
        ArgumentNullException.ThrowIfNull(probes);
        var yaml = new StringBuilder();
        Write(yaml, "startupProbe", probes.Startup);
        Write(yaml, "readinessProbe", probes.Readiness);
        Write(yaml, "livenessProbe", probes.Liveness);
        return yaml.ToString();
    }

    private static void Write(StringBuilder yaml, string name, ProbeOptions? probe)
    {
        if (probe is null)
            return;
        // A JSON string is a YAML string, whatever is in it.
        yaml.Append(string.Create(CultureInfo.InvariantCulture, $"""
            {name}:
              httpGet:
                path: "{JsonEncodedText.Encode(probe.Path)}"
                port: {probe.Port}
              initialDelaySeconds: {probe.InitialDelaySeconds}
              periodSeconds: {probe.PeriodSeconds}
              timeoutSeconds: {probe.TimeoutSeconds}
              successThreshold: {probe.SuccessThreshold}
              failureThreshold: {probe.FailureThreshold}

            """).ReplaceLineEndings("\n"));
    }
}
