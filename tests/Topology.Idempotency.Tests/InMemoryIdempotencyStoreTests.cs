using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Topology.Idempotency.Internal;
using Topology.Idempotency.Tests.Conformance;

namespace Topology.Idempotency.Tests;

public sealed class InMemoryIdempotencyStoreTests
{
    public static TheoryData<string> Rules => [.. StoreRules.All.Keys];

    [Theory]
    [MemberData(nameof(Rules))]
    public Task It_keeps_the_rule(string rule) => StoreRules.All[rule](new InMemoryStoreUnderTest());

    [Fact]
    public async Task At_its_limit_it_refuses_new_keys_but_finishes_running_ones_and_drops_nothing()
    {
        var time = new FakeTimeProvider();
        var store = new InMemoryIdempotencyStore(Options.Create(new InMemoryIdempotencyStoreOptions { MaxBytes = 64 * 1024 }), time);
        var running = (await store.ClaimAsync(Request("running"), TestContext.Current.CancellationToken)).Claim!;
        var done = (await store.ClaimAsync(Request("done"), TestContext.Current.CancellationToken)).Claim!;
        await store.CompleteAsync(done, new byte[70_000], TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<IdempotencyStoreException>(async () => await store.ClaimAsync(Request("new"), TestContext.Current.CancellationToken));
        Assert.Equal(ClaimStatus.Completed, (await store.ClaimAsync(Request("done"), TestContext.Current.CancellationToken)).Status);
        Assert.Equal(FinishStatus.Done, await store.CompleteAsync(running, new byte[10], TestContext.Current.CancellationToken));

        time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(ClaimStatus.Acquired, (await store.ClaimAsync(Request("new"), TestContext.Current.CancellationToken)).Status);
    }

    private static ClaimRequest Request(string name) => new()
    {
        Key = IdempotencyRecordKey.Internal("t", "u", "o", name),
        Owner = Guid.NewGuid(),
        Lease = TimeSpan.FromSeconds(30),
        Ttl = TimeSpan.FromHours(1),
    };
}
