using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.JetStream;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>
/// The server's count of deliveries says nothing about owners: server 2.9 takes a delivery back whose request was not there any longer, and a
/// consumer that is made anew counts from 1.
/// </summary>
public sealed class TakenBackTests(NatsFixture nats)
{
    private readonly string _prefix = JetStreamSagas.NewPrefix();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_start_that_an_owner_began_with_is_taken_over_also_when_it_comes_as_its_first_delivery()
    {
        var undone = new ConcurrentQueue<bool>();
        var definition = SagaDefinition.Create<string>("d").Step("a", static (_, _) => throw new SagaRejectedException("no")).Build();
        var id = new SagaId("d", "1");
        await using (var first = new JetStreamSagas(nats.Connection, _prefix))
        {
            Assert.True(await first.Dispatcher.TryStartAsync(new(id, definition.Hash, "-", SagaValue.FromJson("\"input\""u8.ToArray())), Token));
            await foreach (var lease in first.Dispatcher.LeaseAsync(new HashSet<string> { "d" }, static () => 1, static () => { }, Token))
            {
                var start = Assert.IsType<SagaStart>(lease.FreshStart);
                Assert.True((await first.Journal.AppendAsync(
                    id, 0, new(Guid.NewGuid(), [new SagaEvent.Started(start.DefinitionHash, start.Tenant, start.Input, null), new SagaEvent.Claimed(lease.ItemId, false)]), Token)).Stored);
                lease.Dispose();
                break;
            }
        }

        var items = new NatsJSContext(nats.Connection);
        Assert.True(await items.DeleteConsumerAsync($"{_prefix.ToUpperInvariant()}_ITEMS", "d", Token));
        await using var second = await SagaProcess.StartAsync(nats.Connection, _prefix, definition, more: services =>
        {
            services.AddSingleton(undone).AddSagaCompensation<Undo>("undo");
            services.Configure<SagaCompensationTableOptions>("d", table => table.Steps.Add(new() { StepId = "a", CompensationAction = new() { Type = "undo" } }));
        });
        await second.UntilAsync(id, SagaStatus.Compensated);

        // A refusal counts only where no earlier owner may have tried.
        Assert.Equal([true], undone);
        Assert.Equal([false, true], (await second.EventsAsync(id)).OfType<SagaEvent.Claimed>().Select(claimed => claimed.Redelivered));
        Assert.Single((await second.EventsAsync(id)).OfType<SagaEvent.Started>());
    }

    private sealed class Undo(ConcurrentQueue<bool> undone) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken)
        {
            undone.Enqueue(context.OutcomeUnknown);
            return default;
        }
    }
}
