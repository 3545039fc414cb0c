using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Tests;

/// <summary>A check that does what the test says and counts its runs.</summary>
internal sealed class TestCheck(Func<CancellationToken, Task<HealthCheckResult>> run) : IHealthCheck
{
    private int _runs;

    public TestCheck(HealthStatus status)
        : this(_ => Task.FromResult(new HealthCheckResult(status)))
    {
    }

    public Func<CancellationToken, Task<HealthCheckResult>> Run { get; set; } = run;

    public int Runs => Volatile.Read(ref _runs);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _runs);
        return Run(cancellationToken);
    }

    public void Set(HealthStatus status) => Run = _ => Task.FromResult(new HealthCheckResult(status));

    public HealthCheckRegistration As(string name, HealthStatus failure, params string[] tags) => new(name, this, failure, tags);
}
