using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class HealthCheckTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Depth_is_shown_and_degrades_when_a_queue_is_nearly_full_or_its_letters_are_about_to_expire()
    {
        await using var house = new DeadLetterHouse(services =>
            services.Configure<DeadLetterQueueOptions>(DeadLetterHouse.Queue, options => options.MaxBytes = 1 << 20));
        Assert.Equal((HealthStatus.Degraded, "unknown"), Summary(await CheckAsync(house.Services, DeadLetterDepthHealthCheck.Registration)));
        await house.StartAsync(Token);
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        await SampledAsync(house, 1);
        var healthy = await CheckAsync(house.Services, DeadLetterDepthHealthCheck.Registration);
        Assert.Equal(HealthStatus.Healthy, healthy.Status);
        Assert.Equal(1L, healthy.Data[DeadLetterHouse.Queue]);

        house.Time.Advance(TimeSpan.FromDays(16));
        Assert.Equal((HealthStatus.Degraded, "letters_expire"), Summary(await CheckAsync(house.Services, DeadLetterDepthHealthCheck.Registration)));
        await house.Publisher.PublishAsync(house.Letter("b") with { Body = new byte[900_000] }, Token);
        await SampledAsync(house, 2);
        Assert.Equal((HealthStatus.Degraded, "nearly_full"), Summary(await CheckAsync(house.Services, DeadLetterDepthHealthCheck.Registration)));
        Assert.Contains("info", DeadLetterDepthHealthCheck.Registration.Tags);
    }

    [Fact]
    public async Task The_server_check_tells_a_broken_queue_from_a_server_that_is_away()
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        var registration = DeadLetterNatsHealthCheck.Register(HealthStatus.Unhealthy);
        Assert.Equal(("topology.dlq.nats", HealthStatus.Degraded), (registration.Name, DeadLetterNatsHealthCheck.Register().FailureStatus));
        await using (var verifying = new JetStreamQueueUnderTest(nats.Connection, services => services.Configure<JetStreamDeadLetterOptions>(options => options.Provision = DeadLetterProvisioning.Verify)))
            Assert.Equal((HealthStatus.Unhealthy, "queue_broken"), Summary(await CheckAsync(verifying.Services, registration)));

        // What is to be made here is not missing before its first use.
        var healthy = await CheckAsync(test.Services, registration);
        Assert.Equal(HealthStatus.Healthy, healthy.Status);
        Assert.InRange((double)healthy.Data["rtt_ms"], 0.001, 10_000);
        await new NatsJSContext(nats.Connection).DeleteStreamAsync(DeadLetterQueueNames.ToPhysicalMarks(test.Queue), Token);
        Assert.Equal((HealthStatus.Unhealthy, "queue_broken"), Summary(await CheckAsync(test.Services, registration)));

        await using var nowhere = new NatsConnection(NatsOpts.Default with { Url = "nats://127.0.0.1:1", ConnectTimeout = TimeSpan.FromSeconds(1) });
        await using var away = new JetStreamQueueUnderTest(nowhere);
        Assert.Equal((HealthStatus.Unhealthy, "nats_unreachable"), Summary(await CheckAsync(away.Services, registration)));
    }

    [Fact]
    public async Task A_consumer_that_this_process_uses_and_somebody_deleted_breaks_its_queue()
    {
        await using var test = new JetStreamQueueUnderTest(nats.Connection);
        var topology = test.Services.GetRequiredService<Internal.JetStreamTopology>();
        var options = test.Services.GetRequiredService<Internal.DeadLetterQueues>()[test.Queue].Consumer ?? Internal.DeadLetterWorker.AlertConsumer;
        await topology.EnsureConsumerAsync(test.Queue, options, Token);
        var registration = DeadLetterNatsHealthCheck.Register(HealthStatus.Unhealthy);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(test.Services, registration)).Status);

        await new NatsJSContext(nats.Connection).DeleteConsumerAsync(DeadLetterQueueNames.ToPhysical(test.Queue), options.Name, Token);

        Assert.Equal((HealthStatus.Unhealthy, "queue_broken"), Summary(await CheckAsync(test.Services, registration)));
    }

    private static async Task<HealthCheckResult> CheckAsync(IServiceProvider services, HealthCheckRegistration registration) =>
        await registration.Factory(services).CheckHealthAsync(new HealthCheckContext { Registration = registration }, Token);

    private static (HealthStatus Status, string? Code) Summary(HealthCheckResult result) => (result.Status, result.Description);

    private static async Task SampledAsync(DeadLetterHouse house, long letters)
    {
        await Until.True(
            async () =>
            {
                house.Time.Advance(TimeSpan.FromSeconds(15));
                var result = await CheckAsync(house.Services, DeadLetterDepthHealthCheck.Registration);
                return result.Data.TryGetValue(DeadLetterHouse.Queue, out var count) && (long)count == letters;
            },
            cancellationToken: Token);
    }
}
