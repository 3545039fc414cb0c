using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

public sealed class InMemorySagaJournalTests : SagaJournalConformance
{
    protected override ValueTask<ISagaJournal> CreateAsync() => new(new InMemorySagaJournal(TimeProvider.System));
}
