using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Topology.Idempotency.Internal;

namespace Topology.Idempotency.Tests;

/// <summary>Many claims under one timer: each is renewed in its own time, and lost in its own time.</summary>
public sealed class LeaseRenewalsTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);
    private readonly FakeTimeProvider _time = new();
    private readonly Renewing _store = new();
    private readonly LeaseRenewals _renewals;

    public LeaseRenewalsTests() => _renewals = new(_store, _time, NullLogger.Instance);

    [Fact]
    public async Task A_claim_is_renewed_at_a_third_of_its_lease_however_many_longer_ones_began_before_it()
    {
        await using var longer = Keep("long", TimeSpan.FromSeconds(90));
        await using var shorter = Keep("short", TimeSpan.FromSeconds(9));
        Pass(TimeSpan.FromSeconds(2.5));
        Assert.Empty(_store.Renewed);
        Pass(TimeSpan.FromSeconds(0.5));
        Assert.Equal(["short"], _store.Renewed);
        Pass(TimeSpan.FromSeconds(27));
        Assert.Single(_store.Renewed, name => name == "long");
        Assert.InRange(_store.Renewed.Count(name => name == "short"), 10, 12);
        Assert.False(longer.IsCancellationRequested || shorter.IsCancellationRequested);
    }

    [Fact]
    public async Task Claims_that_end_in_any_order_take_none_of_the_others_with_them()
    {
        var order = new Random(7);
        var kept = Enumerable.Range(0, 20).ToDictionary(number => $"{number}", number => Keep($"{number}", TimeSpan.FromSeconds(9)));
        while (kept.Count > 0)
        {
            _store.Renewed.Clear();
            Pass(TimeSpan.FromSeconds(3.5));
            Assert.Equal(kept.Keys.Order(), _store.Renewed.Distinct().Order());
            foreach (var name in kept.Keys.OrderBy(_ => order.Next()).Take(3).ToArray())
            {
                await kept[name].DisposeAsync();
                kept.Remove(name);
            }
        }

        _store.Renewed.Clear();
        Pass(TimeSpan.FromSeconds(30));
        Assert.Empty(_store.Renewed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_claim_that_cannot_be_renewed_is_lost_a_lease_after_it_was_asked_for_not_after_it_was_granted(int answeredAfterSeconds)
    {
        var asked = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(answeredAfterSeconds));
        _store.Answer = () => throw new IdempotencyStoreException("down");
        await using var claim = Keep("one", TimeSpan.FromSeconds(9), asked);
        Pass(TimeSpan.FromSeconds(9 - answeredAfterSeconds) - Step);
        Assert.False(claim.IsCancellationRequested);
        Pass(Step);
        Assert.True(claim.IsCancellationRequested);
    }

    [Fact]
    public async Task A_renewal_counts_from_when_it_was_asked_for()
    {
        var answer = new TaskCompletionSource<FinishStatus>();
        _store.Answer = () => new(answer.Task);
        await using var claim = Keep("one", TimeSpan.FromSeconds(9));
        Pass(TimeSpan.FromSeconds(5)); // asked at 3 s
        answer.SetResult(FinishStatus.Done);
        _store.Answer = () => throw new IdempotencyStoreException("down");
        Pass(TimeSpan.FromSeconds(7) - Step); // the renewed lease ends at 12 s
        Assert.False(claim.IsCancellationRequested);
        Pass(Step);
        Assert.True(claim.IsCancellationRequested);
    }

    [Fact]
    public async Task A_claim_whose_renewal_gets_no_answer_is_lost_when_its_lease_ends_and_one_that_is_refused_is_lost_at_once()
    {
        _store.Answer = () => new(new TaskCompletionSource<FinishStatus>().Task);
        var silent = Keep("silent", TimeSpan.FromSeconds(9)); // never disposed: that would wait for the answer
        Pass(TimeSpan.FromSeconds(9) - Step);
        Assert.False(silent.IsCancellationRequested);
        Pass(Step);
        Assert.True(silent.IsCancellationRequested);

        _store.Answer = () => new(FinishStatus.Lost);
        await using var refused = Keep("refused", TimeSpan.FromSeconds(9));
        Pass(TimeSpan.FromSeconds(3));
        Assert.True(refused.IsCancellationRequested);
    }

    private LeaseKeeper Keep(string name, TimeSpan lease, long? heldFrom = null)
    {
        var request = new ClaimRequest { Key = IdempotencyRecordKey.Internal("t", "u", "o", name), Owner = Guid.NewGuid(), Lease = lease, Ttl = TimeSpan.FromHours(1) };
        _store.Names[request.Owner] = name;
        return _renewals.Keep(new(request, Fence: 1, lease), heldFrom ?? _time.GetTimestamp());
    }

    private void Pass(TimeSpan time)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += Step)
            _time.Advance(Step);
    }

    private sealed class Renewing : IIdempotencyStore
    {
        public Dictionary<Guid, string> Names { get; } = [];

        public List<string> Renewed { get; } = [];

        public Func<ValueTask<FinishStatus>> Answer { get; set; } = () => new(FinishStatus.Done);

        public ValueTask<FinishStatus> RenewAsync(IdempotencyClaim claim, CancellationToken cancellationToken = default)
        {
            Renewed.Add(Names[claim.Owner]);
            return Answer();
        }

        public ValueTask<ClaimResult> ClaimAsync(ClaimRequest request, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<FinishStatus> CompleteAsync(IdempotencyClaim claim, ReadOnlyMemory<byte>? result, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<FinishStatus> ReleaseAsync(IdempotencyClaim claim, bool outcomeUnknown, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<SealResult> SealAsync(IdempotencyRecordKey key, TimeSpan ttl, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<IdempotencyRecord?> PeekAsync(IdempotencyRecordKey key, TimeSpan wait, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask<FinishStatus> ResolveAsync(
            IdempotencyRecordKey key, long fence, bool happened, ReadOnlyMemory<byte>? result, TimeSpan ttl, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
