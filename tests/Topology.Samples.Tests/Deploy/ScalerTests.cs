using System.Globalization;
using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Platform.ServiceDefaults;
using Topology.TestKit;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The backlog as KEDA reads it, from a real server's <c>/jsz</c>, and the number of pods that it asks for.</summary>
public sealed class ScalerTests(ScalerFixture server) : IClassFixture<ScalerFixture>
{
    [Theory]
    [InlineData("orchestrator", 0, 0, 2)]
    [InlineData("orchestrator", 20, 0, 2)]
    [InlineData("orchestrator", 21, 0, 3)]
    [InlineData("orchestrator", 95, 30, 10)]
    [InlineData("orchestrator", 500, 100, 20)]
    [InlineData("ingestion", 0, 0, 1)]
    [InlineData("ingestion", 5, 5, 1)]
    [InlineData("ingestion", 6, 6, 2)]
    [InlineData("ingestion", 49, 7, 10)]
    public async Task Pods_asked_for_are_the_messages_that_wait_or_are_in_hand_by_the_threshold(string service, int published, int inHand, int pods)
    {
        var scaler = Rendered.Set(Rendered.Prod).Of<ScaledObject>().Single(item => item.Metadata.Name == service);
        foreach (var trigger in scaler.Spec.Triggers)
        {
            var (stream, consumer) = (trigger.Metadata["stream"], trigger.Metadata["consumer"]);
            await server.FillAsync(stream, consumer, published, inHand, TestContext.Current.CancellationToken);

            var lag = await server.LagAsync(trigger.Metadata, TestContext.Current.CancellationToken);

            Assert.Equal(published, lag);
            Assert.Equal(pods, Pods(lag, scaler, trigger));
        }
    }

    [Fact]
    public async Task Done_work_is_no_backlog()
    {
        var trigger = Rendered.Set(Rendered.Prod).Of<ScaledObject>().Single(item => item.Metadata.Name == "ingestion").Spec.Triggers.Single();
        await server.FillAsync(trigger.Metadata["stream"], trigger.Metadata["consumer"], published: 30, inHand: 0, TestContext.Current.CancellationToken, done: 12);
        Assert.Equal(18, await server.LagAsync(trigger.Metadata, TestContext.Current.CancellationToken));
    }

    // AverageValue: all that waits, by the threshold, rounded up; then within the bounds.
    private static int Pods(long lag, ScaledObject scaler, ScaledObject.TriggerType trigger) => (int)Math.Clamp(
        Math.Ceiling(lag / double.Parse(trigger.Metadata["lagThreshold"], CultureInfo.InvariantCulture)),
        scaler.Spec.MinReplicaCount!.Value,
        scaler.Spec.MaxReplicaCount!.Value);
}

public sealed class ScalerFixture : IAsyncLifetime
{
    private readonly HttpClient _http = new();
    private NatsServer _server = null!;
    private NatsConnection _connection = null!;
    private NatsJSContext _context = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync("http: \"127.0.0.1:-1\"");
        _connection = await _server.ConnectAsync();
        _context = new(_connection);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _connection.DisposeAsync();
        await _server.DisposeAsync();
    }

    /// <summary>Makes the stream and its consumer anew, publishes, finishes some messages and takes others in hand.</summary>
    public async Task FillAsync(string stream, string consumer, int published, int inHand, CancellationToken cancellationToken, int done = 0)
    {
        var config = new[] { StreamPlan.Runs, StreamPlan.Documents }.Select(plan => plan.Config).FirstOrDefault(config => config.Name == stream)
            ?? new StreamConfig(stream, [$"{stream}.>"]) { Retention = StreamConfigRetention.Workqueue };
        var subject = config.Subjects!.First().Replace(">", "1", StringComparison.Ordinal);
        try
        {
            await _context.DeleteStreamAsync(stream, cancellationToken);
        }
        catch (NatsJSApiException missing) when (missing.Error.Code == 404)
        {
        }

        await _context.CreateStreamAsync(config, cancellationToken);
        var reader = await _context.CreateOrUpdateConsumerAsync(stream, new ConsumerConfig(consumer) { AckPolicy = ConsumerConfigAckPolicy.Explicit, MaxAckPending = 100_000 }, cancellationToken);
        for (var n = 0; n < published; n++)
            (await _context.PublishAsync(subject, n, cancellationToken: cancellationToken)).EnsureSuccess();
        var taken = 0;
        if (inHand + done == 0)
            return;
        await foreach (var message in reader.FetchAsync<int>(new NatsJSFetchOpts { MaxMsgs = inHand + done }, cancellationToken: cancellationToken))
        {
            if (taken++ < done)
                await message.AckAsync(new AckOpts { DoubleAck = true }, cancellationToken);
        }

        Assert.Equal(inHand + done, taken);
    }

    /// <summary>Asks what KEDA asks, and adds up what it adds up.</summary>
    public async Task<long> LagAsync(IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var address = $"http://{await MonitorAsync(cancellationToken)}/jsz?acc={Uri.EscapeDataString(metadata["account"])}&consumers=true&config=true";
        using var answer = JsonDocument.Parse(await _http.GetStringAsync(address, cancellationToken));
        var consumer = answer.RootElement.GetProperty("account_details").EnumerateArray()
            .Single(account => account.GetProperty("name").GetString() == metadata["account"])
            .GetProperty("stream_detail").EnumerateArray().Single(stream => stream.GetProperty("name").GetString() == metadata["stream"])
            .GetProperty("consumer_detail").EnumerateArray().Single(item => item.GetProperty("name").GetString() == metadata["consumer"]);
        return consumer.GetProperty("num_pending").GetInt64() + consumer.GetProperty("num_ack_pending").GetInt64();
    }

    // The server chose the port and says so in its log.
    private async Task<string> MonitorAsync(CancellationToken cancellationToken)
    {
        const string mark = "Starting http monitor on ";
        await Until.True(() => _server.Output.Contains(mark, StringComparison.Ordinal), cancellationToken: cancellationToken);
        return _server.Output.Split(mark)[1].Split('\n')[0].Trim();
    }
}
