using System.Diagnostics.Metrics;

namespace Topology.Idempotency.Internal;

/// <summary>The instruments of the meter <c>Topology.Idempotency</c>. Outside DI there is no factory and nothing is measured.</summary>
internal sealed class IdempotencyMetrics
{
    public const string MeterName = "Topology.Idempotency";

    private static readonly InstrumentAdvice<double> ClaimBuckets = new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] };

    private readonly Counter<long>? _hits;
    private readonly Counter<long>? _outcomes;
    private readonly Counter<long>? _fenced;
    private readonly Counter<long>? _takeOvers;
    private readonly Counter<long>? _seals;
    private readonly Histogram<double>? _claimDuration;

    public IdempotencyMetrics(IMeterFactory? factory)
    {
        if (factory is null)
            return;
        var meter = factory.Create(MeterName);
        _hits = meter.CreateCounter<long>("idempotency_hits_total", description: "Total idempotency cache hits");
        _outcomes = meter.CreateCounter<long>("topology.idempotency.outcomes", "{call}", "Calls under a key, by how they ended");
        _fenced = meter.CreateCounter<long>("topology.idempotency.fenced", "{write}", "Writes of an owner that were refused");
        _takeOvers = meter.CreateCounter<long>("topology.idempotency.takeovers", "{claim}", "Claims taken over from an owner whose lease ran out");
        _seals = meter.CreateCounter<long>("topology.idempotency.seals", "{key}", "Seals, by answer");
        _claimDuration = meter.CreateHistogram("topology.idempotency.claim.duration", "s", "Time a claim took in the store", tags: null, ClaimBuckets);
    }

    public void Hit() => _hits?.Add(1);

    public void Outcome(IdempotentStatus status)
    {
        if (_outcomes is { Enabled: true })
            _outcomes.Add(1, new KeyValuePair<string, object?>("outcome", Names.Of(status)));
    }

    public void Fenced() => _fenced?.Add(1);

    public void TookOver() => _takeOvers?.Add(1);

    public void Seal(SealStatus status)
    {
        if (_seals is { Enabled: true })
            _seals.Add(1, new KeyValuePair<string, object?>("outcome", Names.Of(status)));
    }

    public void Claimed(TimeSpan took)
    {
        if (_claimDuration is { Enabled: true })
            _claimDuration.Record(took.TotalSeconds);
    }
}
