using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Topology.Saga.Tests;

public sealed class SagaWorkerTests
{
    [Fact]
    public async Task From_the_first_moment_of_a_stop_no_saga_is_taken_and_those_in_hand_go_on()
    {
        var token = TestContext.Current.CancellationToken;
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var definition = SagaDefinition.Create<string>("s")
            .Step("a", async (context, _) =>
            {
                if (context.SagaId.Value == "held")
                {
                    entered.SetResult();
                    await release.Task;
                }
            })
            .Step("b", static (_, _) => default)
            .Build();
        var world = new SagaWorld();
        await using var stopping = await SagaTestHost.StartAsync(world, definition);
        var held = await stopping.Client.StartAsync(definition, "held", "input", null, token);
        await entered.Task.WaitAsync(token);

        stopping.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        var late = await stopping.Client.StartAsync(definition, "late", "input", null, token);
        release.SetResult();
        await stopping.UntilAsync(held, saga => saga.Status == SagaStatus.Completed);
        Assert.Empty(await world.EventsAsync(late));

        await using var other = await SagaTestHost.StartAsync(world, definition);
        await other.UntilAsync(late, saga => saga.Status == SagaStatus.Completed);
    }
}
