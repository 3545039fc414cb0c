using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Saga.Tests;

public sealed class SagaBacklogHealthCheckTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_resting_saga_degrades_until_an_operator_has_settled_it()
    {
        var works = false;
        var definition = SagaDefinition.Create<string>("s")
            .Step("p", static (_, _) => default, new() { Kind = SagaStepKind.Pivot })
            .Step("r", (_, _) => works ? default : throw new HttpRequestException("away"), new() { Kind = SagaStepKind.Retriable, MaxAttempts = 1 })
            .Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition);
        Assert.Equal((HealthStatus.Healthy, null), await CheckAsync(host));

        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await host.Client.WaitAsync(id, Token);
        await host.UntilAsync(id, _ => CheckAsync(host).Result == (HealthStatus.Degraded, "resting"));

        works = true;
        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "r", "ada", "fixed"), Token);
        await host.UntilAsync(id, _ => CheckAsync(host).Result == (HealthStatus.Healthy, null));
    }

    private static async Task<(HealthStatus, string?)> CheckAsync(SagaTestHost host)
    {
        var registration = SagaBacklogHealthCheck.Registration;
        var result = await registration.Factory(host.Services).CheckHealthAsync(new HealthCheckContext { Registration = registration }, Token);
        return (result.Status, result.Description);
    }
}
