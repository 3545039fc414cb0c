using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.JetStream;
using Topology.Dlq;
using Topology.Saga;

namespace Topology.Resilience.Tests;

/// <summary>One file serves every process; what a process works on is what it registers.</summary>
public sealed class RoleTests
{
    private static readonly SagaDefinition<string> s_definition = SagaDefinition.Create<string>("role", TestJson.Default)
        .Step("work", static (_, _) => ValueTask.FromResult("done"))
        .Build();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_process_asks_the_server_only_for_work_that_it_registered()
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var admin = await nats.ConnectAsync();
        await using var client = await StartAsync(nats.Url, _ => { });
        Assert.Equal(DeadLetterOutcome.Stored, (await client.Services.GetRequiredService<IDeadLetterPublisher>().PublishAsync(
            new() { Queue = DeadLetterQueueNames.WorkflowCompensation, Id = "one", Subject = "subject", Reason = "test" }, Token)).Outcome);
        Assert.Empty(await AskedAsync());

        await using (await StartAsync(nats.Url, topology => topology.AddSaga(s_definition)))
        {
            var asked = await Until.Value(AskedAsync, static streams => streams.Length > 0, cancellationToken: Token);
            Assert.All(asked, stream => Assert.StartsWith("TOPOLOGY_SAGA_", stream, StringComparison.Ordinal));
        }

        await Until.Value(AskedAsync, static streams => streams.Length == 0, TimeSpan.FromMinutes(1), Token);
        await using (await StartAsync(nats.Url, topology => topology.AddDeadLetterProcessors()))
            Assert.Equal(["WORKFLOW_COMPENSATION_DLQ"], await Until.Value(AskedAsync, static streams => streams.Length > 0, cancellationToken: Token));

        // The streams at whose consumers somebody waits for a message.
        async Task<string[]> AskedAsync()
        {
            var streams = new SortedSet<string>(StringComparer.Ordinal);
            await foreach (var stream in new NatsJSContext(admin).ListStreamsAsync(cancellationToken: Token))
            {
                await foreach (var consumer in stream.ListConsumersAsync(Token))
                {
                    if (consumer.Info.NumWaiting > 0)
                        streams.Add(stream.Info.Config.Name!);
                }
            }

            return [.. streams];
        }
    }

    private static async Task<Running> StartAsync(string nats, Action<ITopologyBuilder> register)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { EnvironmentName = "Development" });
        builder.Configuration["ConnectionStrings:nats"] = nats;
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        builder.Services.Configure<Health.HealthOptions>(health => health.DrainDelay = TimeSpan.Zero); // nobody sends work here
        builder.Services.ConfigureAll<DeadLetterQueueOptions>(queue => queue.MaxBytes = 1 << 20);
        builder.Services.Configure<JetStreamDeadLetterOptions>(options => options.MaxMarkBytes = 1 << 20);
        register(builder.Services.AddTopologyResilience(builder.Configuration).UseNats().UseInMemory());
        var host = builder.Build();
        await host.StartAsync(Token);
        await Until.Value(
            () => host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Name.EndsWith(".nats", StringComparison.Ordinal), Token),
            static report => report.Status == HealthStatus.Healthy,
            cancellationToken: Token);
        return new(host);
    }

    private sealed class Running(IHost host) : IAsyncDisposable
    {
        public IServiceProvider Services => host.Services;

        public async ValueTask DisposeAsync()
        {
            await host.StopAsync(CancellationToken.None);
            await ((IAsyncDisposable)host).DisposeAsync();
        }
    }
}
