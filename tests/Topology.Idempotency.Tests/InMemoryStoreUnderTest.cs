using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Topology.Idempotency.Internal;
using Topology.Idempotency.Tests.Conformance;

namespace Topology.Idempotency.Tests;

internal sealed class InMemoryStoreUnderTest : StoreUnderTest
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public InMemoryStoreUnderTest() => Store = new InMemoryIdempotencyStore(Options.Create(new InMemoryIdempotencyStoreOptions()), _time);

    public override IIdempotencyStore Store { get; }

    public override Task PassAsync(TimeSpan time)
    {
        _time.Advance(time);
        return Task.CompletedTask;
    }

    public override IdempotencyRecordKey TimedKey(string name, TimeSpan age) =>
        IdempotencyKey.Generate("t", "u", "o", name, _time.GetUtcNow() - age).ToRecordKey();
}
