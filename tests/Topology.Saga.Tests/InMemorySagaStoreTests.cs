using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

public sealed class InMemorySagaInboxTests : SagaInboxConformance
{
    protected override ValueTask<ISagaInbox> CreateAsync() => new(new InMemorySagaInbox());
}

public sealed class InMemorySagaDispatcherTests : SagaDispatcherConformance
{
    protected override ValueTask<ISagaDispatcher> CreateAsync() => new(new InMemorySagaDispatcher(TimeProvider.System));
}
