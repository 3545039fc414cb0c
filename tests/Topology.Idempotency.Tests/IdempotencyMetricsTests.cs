using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Idempotency.Tests;

/// <summary>Every instrument of the meter, counted by what really happens in a store.</summary>
public sealed class IdempotencyMetricsTests : IAsyncDisposable
{
    private static readonly IdempotencyPolicy Policy = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly ServiceProvider _services;
    private readonly IIdempotentExecutor _executor;
    private readonly MetricCollector<long> _hits;
    private readonly MetricCollector<long> _outcomes;
    private readonly MetricCollector<long> _takeOvers;
    private readonly MetricCollector<long> _fenced;
    private readonly MetricCollector<long> _seals;
    private readonly MetricCollector<double> _claimDuration;

    public IdempotencyMetricsTests()
    {
        _services = new ServiceCollection().AddSingleton<TimeProvider>(_time).AddMetrics().AddLogging()
            .AddTopologyIdempotency().AddInMemoryIdempotencyStore()
            .BuildServiceProvider();
        _executor = _services.GetRequiredService<IIdempotentExecutor>();
        var meters = _services.GetRequiredService<IMeterFactory>();
        _hits = new(meters, "Topology.Idempotency", "idempotency_hits_total");
        _outcomes = new(meters, "Topology.Idempotency", "topology.idempotency.outcomes");
        _takeOvers = new(meters, "Topology.Idempotency", "topology.idempotency.takeovers");
        _fenced = new(meters, "Topology.Idempotency", "topology.idempotency.fenced");
        _seals = new(meters, "Topology.Idempotency", "topology.idempotency.seals");
        _claimDuration = new(meters, "Topology.Idempotency", "topology.idempotency.claim.duration");
    }

    public ValueTask DisposeAsync()
    {
        foreach (var collector in new IDisposable[] { _hits, _outcomes, _takeOvers, _fenced, _seals, _claimDuration })
            collector.Dispose();
        return _services.DisposeAsync();
    }

    private static IdempotencyRecordKey Key(string name) => IdempotencyRecordKey.Internal("acme", "alice", "pay", name);

    private Task<IdempotentOutcome<StoredResult>> RunAsync(
        string name, Func<IdempotencyContext, ValueTask<StoredResult>>? work = null, IdempotencyPolicy? policy = null, RequestFingerprint fingerprint = default) =>
        _executor.ExecuteAsync(
            Key(name),
            fingerprint,
            (context, _) => work?.Invoke(context) ?? new(new StoredResult { Body = "ok"u8.ToArray() }),
            policy ?? Policy,
            TestContext.Current.CancellationToken).AsTask();

    private static string Counted(MetricCollector<long> collector, string tag) => string.Join(
        ", ",
        collector.GetMeasurementSnapshot().GroupBy(m => m.Tags[tag]).Select(group => $"{group.Key} {group.Sum(m => m.Value)}").Order(StringComparer.Ordinal));

    [Fact]
    public void Claims_are_counted_in_buckets_that_tell_a_near_store_from_a_far_one()
    {
        var buckets = Assert.IsType<Histogram<double>>(_claimDuration.Instrument).Advice?.HistogramBucketBoundaries;
        Assert.True(buckets is [< 0.001, .., >= 5], "The claim's histogram keeps the SDK's buckets, which are made for milliseconds.");
    }

    [Fact]
    public async Task Every_call_counts_by_its_outcome_and_every_claim_is_timed()
    {
        await RunAsync("done", fingerprint: RequestFingerprint.Compute("a"u8));
        await RunAsync("done", fingerprint: RequestFingerprint.Compute("a"u8));
        await RunAsync("done", fingerprint: RequestFingerprint.Compute("b"u8));
        await RunAsync("tombstone", policy: Policy with { MaxResultBytes = 1 });
        await RunAsync("tombstone");
        await RunAsync("running", async _ =>
        {
            await RunAsync("running");
            return new StoredResult();
        });
        await RunAsync("unknown", context =>
        {
            context.Disposition = ResultDisposition.Unknown;
            return new(new StoredResult());
        }, Policy with { OnAbandoned = AbandonedClaim.Quarantine });
        await RunAsync("unknown");
        await _executor.SealAsync(Key("sealed"), cancellationToken: TestContext.Current.CancellationToken);
        await RunAsync("sealed");
        await _executor.ExecuteAsync(
            IdempotencyRecordKey.ForClientKey("t", "u", "o", Guid.CreateVersion7(_time.GetUtcNow().AddDays(1)).ToString()),
            RequestFingerprint.None,
            (_, _) => new(new StoredResult()),
            cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(
            "executed 4, in_progress 1, indeterminate 1, mismatch 1, out_of_tolerance 1, replayed 1, result_not_kept 1, sealed 1", Counted(_outcomes, "outcome"));
        Assert.Equal(1, _hits.GetMeasurementSnapshot().Sum(m => m.Value));
        Assert.Equal(11, _claimDuration.GetMeasurementSnapshot().Count);
        Assert.All(_claimDuration.GetMeasurementSnapshot(), m => Assert.InRange(m.Value, 0, 60));
    }

    [Fact]
    public async Task Take_overs_and_writes_of_owners_that_lost_their_claim_count()
    {
        await RunAsync("sealed under its owner", async _ =>
        {
            await _services.GetRequiredService<IIdempotencyStore>().SealAsync(Key("sealed under its owner"), TimeSpan.FromHours(1));
            return new StoredResult();
        });
        Assert.Equal((0, 1), (_takeOvers.GetMeasurementSnapshot().Count, _fenced.GetMeasurementSnapshot().Sum(m => m.Value)));
        Assert.Equal("lease_lost 1", Counted(_outcomes, "outcome"));

        await _services.GetRequiredService<IIdempotencyStore>().ClaimAsync(
            new ClaimRequest { Key = Key("dead"), Owner = Guid.NewGuid(), Lease = TimeSpan.FromSeconds(30), Ttl = TimeSpan.FromHours(1) },
            TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(31));
        await RunAsync("dead");
        Assert.Equal(1, _takeOvers.GetMeasurementSnapshot().Sum(m => m.Value));
    }

    [Fact]
    public async Task Seals_count_by_what_they_found()
    {
        await RunAsync("done");
        await _executor.SealAsync(Key("done"), cancellationToken: TestContext.Current.CancellationToken);
        await _executor.SealAsync(Key("absent"), cancellationToken: TestContext.Current.CancellationToken);
        await _executor.SealAsync(Key("absent"), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("completed 1, sealed 2", Counted(_seals, "outcome"));
    }

    [Fact]
    public async Task No_tag_names_tenant_user_or_key()
    {
        await Every_call_counts_by_its_outcome_and_every_claim_is_timed();

        var tags = _outcomes.GetMeasurementSnapshot().Concat(_hits.GetMeasurementSnapshot()).Concat(_seals.GetMeasurementSnapshot()).SelectMany(m => m.Tags.Keys)
            .Concat(_claimDuration.GetMeasurementSnapshot().SelectMany(m => m.Tags.Keys));
        Assert.All(tags, tag => Assert.Equal("outcome", tag));
    }
}
