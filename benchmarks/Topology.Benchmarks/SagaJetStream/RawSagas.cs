using System.Collections.Concurrent;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Benchmarks.SagaJetStream;

/// <summary>The floor: what anybody would write by hand for the same durable writes. It checks nothing, takes over nothing and undoes nothing.</summary>
internal sealed class RawSagas : IAsyncDisposable
{
    private static readonly byte[] _item = new byte[180];
    private static readonly byte[] _entry = new byte[200];
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _ends = new();
    private readonly NatsJSContext _jetStream;
    private readonly CancellationTokenSource _stop = new();
    private Task _consuming = Task.CompletedTask;

    private RawSagas(INatsConnection connection) => _jetStream = new(connection);

    public static async Task<RawSagas> StartAsync(INatsConnection connection)
    {
        var raw = new RawSagas(connection);
        foreach (var name in new[] { "RAWITEMS", "RAWLOG" })
        {
            await raw._jetStream.CreateStreamAsync(new StreamConfig(name, [$"{name}.>"]));
        }

        var consumer = await raw._jetStream.CreateOrUpdateConsumerAsync(
            "RAWITEMS", new ConsumerConfig("raw") { AckPolicy = ConsumerConfigAckPolicy.Explicit, MaxAckPending = 100_000 });
        raw._consuming = raw.ConsumeAsync(consumer);
        return raw;
    }

    public async ValueTask RunAsync(string id)
    {
        var end = _ends[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        (await _jetStream.PublishAsync($"RAWITEMS.{id}", _item, opts: new() { ExpectedLastSubjectSequence = 0 })).EnsureSuccess();
        await end.Task;
        _ends.TryRemove(id, out _);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _consuming.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ConsumeAsync(INatsJSConsumer consumer)
    {
        await foreach (var message in consumer.ConsumeAsync<byte[]>(opts: new() { MaxMsgs = 512 }, cancellationToken: _stop.Token))
        {
            _ = Task.Run(() => RunAsync(message));
        }
    }

    private async Task RunAsync(INatsJSMsg<byte[]> message)
    {
        var id = message.Subject["RAWITEMS.".Length..];
        ulong version = 0;
        for (var append = 0; append <= JetStreamSagaArea.Steps; append++)
        {
            var ack = await _jetStream.PublishAsync($"RAWLOG.{id}", _entry, opts: new() { ExpectedLastSubjectSequence = version });
            ack.EnsureSuccess();
            version = ack.Seq;
        }

        await message.AckAsync();
        _ends[id].SetResult();
    }
}
