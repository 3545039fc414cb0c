using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>The code of the package's README.</summary>
public sealed class ReadmeExamples(NatsFixture nats)
{
    [Fact]
    public async Task Use()
    {
        var trip = SagaDefinition.Create<string>("book_trip").Step("flight", static (_, _) => default).Build();
        var services = new ServiceCollection();
        var url = nats.Url;

        #region use
        services.AddSingleton<INatsConnection>(new NatsConnection(new NatsOpts { Url = url, RequestReplyMode = NatsRequestReplyMode.Direct }));
        services.AddTopologySaga().AddJetStreamSagaStore(options => options.Provision = SagaProvisioning.Create);
        services.AddSaga(trip);
        #endregion

        services.Configure<JetStreamSagaOptions>(options => options.Prefix = JetStreamSagas.NewPrefix());
        services.Configure<JetStreamSagaOptions>(options => (options.MaxLogBytes, options.MaxItemBytes, options.MaxTimerBytes) = (1 << 20, 1 << 20, 1 << 20));
        await using var provider = services.AddLogging().BuildServiceProvider();
        await using var connection = provider.GetRequiredService<INatsConnection>();
        var sagas = provider.GetRequiredService<ISagaClient>();
        var id = await sagas.StartAsync(trip, "1", "Lisbon", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(SagaStatus.Running, (await sagas.GetAsync(id, TestContext.Current.CancellationToken))!.Status);
    }
}
