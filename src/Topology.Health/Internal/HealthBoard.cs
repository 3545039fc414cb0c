using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

/// <summary>Turns samples into the answers of the three probes. Samples are taken under a lock; a probe reads one field.</summary>
internal sealed class HealthBoard
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _timeProvider;
    private readonly HealthMetrics _metrics;
    private readonly ILogger _logger;
    private readonly CheckEntry[] _live;
    private readonly CheckEntry[] _ready;
    private readonly CheckEntry[] _readyShown;
    private readonly CheckEntry[] _startup;
    private bool _hostStarted;
    private bool _startupLatched;
    private volatile bool _draining;
    private ProbeSnapshot[] _snapshots;

    public HealthBoard(
        IOptions<HealthOptions> options, IOptions<HealthCheckServiceOptions> checks, TimeProvider timeProvider, HealthMetrics metrics, ILogger<HealthBoard> logger)
    {
        _timeProvider = timeProvider;
        _metrics = metrics;
        _logger = logger;
        Checks = [.. checks.Value.Registrations
            .Where(static registration => registration.Name != SnapshotCheck.Name)
            .Select(registration => new CheckEntry(registration, options.Value, timeProvider))
            .Where(static check => check.Live || check.Ready || check.Startup || check.Info)];
        _live = [.. Checks.Where(static check => check.Live)];
        _ready = [.. Checks.Where(static check => check.Ready)];
        _readyShown = [.. Checks.Where(static check => check.Ready || check.Info)];
        _startup = [.. Checks.Where(static check => check.Startup)];
        foreach (var registration in checks.Value.Registrations.Except(Checks.Select(static check => check.Registration)))
        {
            if (registration.Name != SnapshotCheck.Name)
                Log.NotSampled(logger, registration.Name);
        }

        _snapshots = Render();
        metrics.Observe(this);
    }

    public IReadOnlyList<CheckEntry> Checks { get; }

    public bool IsDraining => _draining;

    /// <summary>The answer of a probe now. Allocates nothing, waits for nothing.</summary>
    public ProbeAnswer Read(ProbeKind probe) => Volatile.Read(ref _snapshots)[(int)probe].At(_timeProvider.GetTimestamp());

    public void Record(CheckEntry check, CheckObservation observation)
    {
        lock (_lock)
        {
            var before = check.Status ?? HealthStatus.Healthy;
            var changed = check.Record(observation);
            _metrics.Sampled(check, changed);
            if (check.Status is { } status && status < before)
                Log.Worse(_logger, check.Name, status, check.Code);
            else if (check.Status is { } better && better > before)
                Log.Better(_logger, check.Name, better, check.Code);
            Publish();
        }
    }

    /// <summary>Whether a check has no more samples to give: it was for the startup probe alone, and that has latched.</summary>
    public bool IsDone(CheckEntry check)
    {
        lock (_lock)
            return _startupLatched && check is { Live: false, Ready: false, Info: false };
    }

    public void HostStarted()
    {
        lock (_lock)
        {
            _hostStarted = true;
            Publish();
        }
    }

    public void Drain()
    {
        lock (_lock)
        {
            if (_draining)
                return;
            _draining = true;
            Log.Draining(_logger);
            Publish();
        }
    }

    /// <summary>A copy of what the gauges report of each check.</summary>
    public (string Name, HealthStatus? Status, TimeSpan Age)[] States()
    {
        lock (_lock)
            return [.. Checks.Select(check => (check.Name, check.Status, _timeProvider.GetElapsedTime(check.SampledTimestamp)))];
    }

    private void Publish()
    {
        // An outage at start must not get the container restarted, so a first sample is enough, whatever it says.
        if (!_startupLatched && _hostStarted && Array.TrueForAll(_startup, static check => check.LastSample > HealthStatus.Unhealthy)
            && Checks.All(static check => check.Status is not null))
        {
            _startupLatched = true;
            Log.StartupLatched(_logger);
        }

        Volatile.Write(ref _snapshots, Render());
    }

    private ProbeSnapshot[] Render()
    {
        var live = HealthBody.Text(Worst(_live));
        var ready = (_draining, _startupLatched) switch
        {
            (true, _) => "draining",
            (_, false) => "starting",
            _ => HealthBody.Text(Worst(_ready)),
        };
        return
        [
            Snapshot(ProbeKind.Live, live, _live, _live),
            // Without threads for its own loops a process is not ready either.
            Snapshot(ProbeKind.Ready, ready, [.. _live, .. _ready], _readyShown),
            Snapshot(ProbeKind.Startup, _startupLatched ? "healthy" : "starting", [], _startup),
        ];
    }

    private static ProbeSnapshot Snapshot(ProbeKind probe, string status, CheckEntry[] ageing, CheckEntry[] shown)
    {
        var current = HealthBody.Render(probe, status is "healthy" or "degraded" ? 200 : 503, status, shown);
        return ageing.Length == 0
            ? new ProbeSnapshot(current, current, long.MaxValue)
            : new ProbeSnapshot(current, HealthBody.Render(probe, 503, "stale", shown), ageing.Min(static check => check.StaleFrom));
    }

    /// <summary>A check without a sample counts as healthy: live has nothing against the process yet, and ready waits for the startup latch.</summary>
    private static HealthStatus Worst(CheckEntry[] checks) =>
        checks.Length == 0 ? HealthStatus.Healthy : checks.Min(static check => check.Status ?? HealthStatus.Healthy);
}
