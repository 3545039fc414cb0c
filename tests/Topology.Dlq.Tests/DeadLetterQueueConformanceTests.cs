using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class DeadLetterQueueConformanceTests(NatsFixture nats)
{
    public static TheoryData<string> Rules => [.. DeadLetterQueueConformance.Rules.Keys];

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task In_memory(string rule)
    {
        await using var test = new InMemoryQueueUnderTest();
        await DeadLetterQueueConformance.Rules[rule](test);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task On_jetstream(string rule)
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        await DeadLetterQueueConformance.Rules[rule](test);
    }
}
