using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

/// <summary>Renders answers. What it writes is a name, a code of <see cref="HealthCodes"/> or of the registration, a time, or a number.</summary>
internal static class HealthBody
{
    public static ProbeAnswer Render(ProbeKind probe, int statusCode, string status, IReadOnlyList<CheckEntry> checks) =>
        new(statusCode, status, Write(probe, status, null), Write(probe, status, checks));

    public static string Text(HealthStatus? status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        HealthStatus.Unhealthy => "unhealthy",
        _ => "unknown",
    };

    private static ReadOnlyMemory<byte> Write(ProbeKind probe, string status, IReadOnlyList<CheckEntry>? checks)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("probe"u8, probe switch { ProbeKind.Live => "live", ProbeKind.Ready => "ready", _ => "startup" });
            json.WriteString("status"u8, status);
            if (checks is not null)
            {
                json.WriteStartArray("checks"u8);
                foreach (var check in checks)
                    Write(json, check);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, CheckEntry check)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, check.Name);
        json.WriteString("status"u8, Text(check.Status));
        json.WriteString("code"u8, check.Code);
        json.WriteString("impact"u8, Impact(check));
        if (check.SampledAt is { } sampledAt)
        {
            json.WriteString("sampled_at"u8, sampledAt);
            json.WriteNumber("duration_ms"u8, Math.Round(check.Duration.TotalMilliseconds, 3));
        }

        json.WriteEndObject();
    }

    private static string Impact(CheckEntry check) => check switch
    {
        { Live: false, Ready: false, Startup: false } => "info",
        { Registration.FailureStatus: HealthStatus.Unhealthy } => "required",
        { Registration.FailureStatus: HealthStatus.Degraded } => "degrades",
        _ => "info",
    };
}
