using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace Topology.Health.Tests;

public sealed class HealthMetricsTests
{
    [Fact]
    public async Task Status_age_duration_and_transitions_are_measured_per_check()
    {
        var check = new TestCheck(HealthStatus.Healthy);
        await using var app = await HealthApp.StartAsync(builder => builder.Services.AddHealthChecks().Add(check.As("nats", HealthStatus.Unhealthy, "ready")));
        var meters = app.App.Services.GetRequiredService<IMeterFactory>();
        using var status = new MetricCollector<int>(meters, "Topology.Health", "topology.health.status");
        using var age = new MetricCollector<double>(meters, "Topology.Health", "topology.health.check.age");
        using var duration = new MetricCollector<double>(meters, "Topology.Health", "topology.health.check.duration");
        using var transitions = new MetricCollector<long>(meters, "Topology.Health", "topology.health.transitions");
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.OK, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(2, Status());

        check.Set(HealthStatus.Unhealthy);
        await Until.True(async () => (await app.ReadyAsync()).Code == HttpStatusCode.ServiceUnavailable, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(0, Status());
        age.RecordObservableInstruments();
        Assert.InRange(age.GetMeasurementSnapshot().Last(IsNats).Value, 0, 30);
        Assert.InRange(duration.GetMeasurementSnapshot().Last(IsNats).Value, 0, 30);
        var last = transitions.GetMeasurementSnapshot().Last(IsNats);
        Assert.Equal((1, "unhealthy"), (last.Value, last.Tags["status"]));

        int Status()
        {
            status.RecordObservableInstruments();
            return status.GetMeasurementSnapshot().Last(IsNats).Value;
        }

        static bool IsNats<T>(CollectedMeasurement<T> measurement)
            where T : struct => (string?)measurement.Tags["check"] == "nats";
    }
}
