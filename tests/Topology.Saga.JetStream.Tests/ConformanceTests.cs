using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using Topology.Saga.Tests;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

public sealed class JetStreamSagaJournalTests(NatsFixture nats) : SagaJournalConformance
{
    protected override ValueTask<ISagaJournal> CreateAsync() => new(new JetStreamSagas(nats.Connection, "conformance").Journal);
}

public sealed class JetStreamSagaInboxTests(NatsFixture nats) : SagaInboxConformance
{
    protected override ValueTask<ISagaInbox> CreateAsync() => new(new JetStreamSagas(nats.Connection, "conformance").Inbox);
}

public sealed class JetStreamSagaDispatcherTests(NatsFixture nats) : SagaDispatcherConformance
{
    protected override ValueTask<ISagaDispatcher> CreateAsync() => new(new JetStreamSagas(nats.Connection, "conformance").Dispatcher);
}

public sealed class JetStreamScenarioTests(NatsFixture nats) : ScenarioConformance
{
    private readonly string _prefix = JetStreamSagas.NewPrefix();

    protected override int Rounds => 2;

    protected override void AddStore(IServiceCollection services)
    {
        services.AddSingleton<INatsConnection>(nats.Connection);
        JetStreamSagas.Add(services, _prefix);
    }
}
