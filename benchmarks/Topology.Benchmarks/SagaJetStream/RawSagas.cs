using System.Collections.Concurrent;
using System.Text;
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
    private readonly INatsConnection _connection;
    private readonly NatsJSContext _jetStream;
    private readonly string _name;
    private readonly bool _reads;
    private readonly CancellationTokenSource _stop = new();
    private Task _consuming = Task.CompletedTask;

    private RawSagas(INatsConnection connection, bool reads) =>
        (_connection, _jetStream, _name, _reads) = (connection, new(connection), reads ? "READING" : "RAW", reads);

    /// <param name="connection">The connection.</param>
    /// <param name="reads">Whether it also makes the two reads of the contract: the history before the start, the inbox once at the claim.</param>
    public static async Task<RawSagas> StartAsync(INatsConnection connection, bool reads = false)
    {
        var raw = new RawSagas(connection, reads);
        foreach (var name in new[] { $"{raw._name}ITEMS", $"{raw._name}LOG" })
        {
            await raw._jetStream.CreateStreamAsync(new StreamConfig(name, [$"{name}.>"]) { AllowDirect = reads });
        }

        var consumer = await raw._jetStream.CreateOrUpdateConsumerAsync(
            $"{raw._name}ITEMS", new ConsumerConfig("raw") { AckPolicy = ConsumerConfigAckPolicy.Explicit, MaxAckPending = 100_000, FilterSubject = $"{raw._name}ITEMS.item.*" });
        raw._consuming = raw.ConsumeAsync(consumer);
        return raw;
    }

    public async ValueTask RunAsync(string id)
    {
        var end = _ends[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await FindNothingAsync("LOG", $"{_name}LOG.{id}");
        (await _jetStream.PublishAsync($"{_name}ITEMS.item.{id}", _item, opts: new() { ExpectedLastSubjectSequence = 0 })).EnsureSuccess();
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
        var id = message.Subject[(message.Subject.LastIndexOf('.') + 1)..];
        ulong version = 0;
        for (var append = 0; append <= JetStreamSagaArea.Steps; append++)
        {
            var ack = await _jetStream.PublishAsync($"{_name}LOG.{id}", _entry, opts: new() { ExpectedLastSubjectSequence = version });
            ack.EnsureSuccess();
            version = ack.Seq;
            if (append == 0)
            {
                await FindNothingAsync("ITEMS", $"{_name}ITEMS.inbox.{id}");
            }
        }

        await message.AckAsync();
        _ends[id].SetResult();
    }

    private async ValueTask FindNothingAsync(string stream, string subject)
    {
        if (_reads)
        {
            var answer = await _connection.RequestAsync<byte[], byte[]>(
                $"$JS.API.DIRECT.GET.{_name}{stream}", Encoding.UTF8.GetBytes($$"""{"last_by_subj":"{{subject}}"}"""));
            if (answer.Headers?.Code != 404)
            {
                throw new InvalidOperationException($"{subject} was there.");
            }
        }
    }
}
