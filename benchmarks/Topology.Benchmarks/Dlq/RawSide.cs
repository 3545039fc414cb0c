using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Benchmarks.Dlq;

/// <summary>What one writes without this package: the client's consumer, one loop.</summary>
internal sealed class RawSide : IAsyncDisposable
{
    private readonly NatsConnection _connection;
    private readonly NatsJSContext _jetStream;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private RawSide(NatsConnection connection)
    {
        _connection = connection;
        _jetStream = new NatsJSContext(connection);
    }

    /// <summary>Consumes and acknowledges.</summary>
    public static Task<RawSide> ConsumeAsync(DlqBenchServer server, string stream, Turn turn, int prefetch) =>
        StartAsync(server, stream, prefetch, async (side, messages) =>
        {
            await foreach (var message in messages)
            {
                await turn.EnterAsync(side._stop.Token);
                await message.AckAsync(cancellationToken: side._stop.Token);
                turn.Leave();
            }
        });

    /// <summary>Stores a copy with what died and why, only if it is not there, then perhaps a mark, then acknowledges; so many at a time.</summary>
    /// <param name="server">The server.</param>
    /// <param name="stream">The work stream.</param>
    /// <param name="turn">Its turns.</param>
    /// <param name="parallel">How many messages are under way at the same time.</param>
    /// <param name="marks">Whether each copy gets the durable mark that a late original is told by.</param>
    public static async Task<RawSide> TransferAsync(DlqBenchServer server, string stream, Turn turn, int parallel, bool marks)
    {
        var letters = $"{stream}_{(marks ? "HAND" : "NAIVE")}";
        await server.AddStreamAsync(letters);
        await server.AddStreamAsync($"{letters}_MARKS");
        return await StartAsync(server, stream, 2 * parallel, async (side, messages) =>
        {
            using var places = new SemaphoreSlim(parallel);
            await foreach (var message in messages)
            {
                await places.WaitAsync(side._stop.Token);
                await turn.EnterAsync(side._stop.Token);
                turn.Leave(); // at the start, as a handler's verdict is
                _ = Task.Run(async () =>
                {
                    await side.TransferAsync(message, letters, marks);
                    places.Release();
                });
            }
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _connection.DisposeAsync();
        _stop.Dispose();
    }

    private static async Task<RawSide> StartAsync(
        DlqBenchServer server, string stream, int prefetch, Func<RawSide, IAsyncEnumerable<INatsJSMsg<byte[]>>, Task> loop)
    {
        var side = new RawSide(await server.ConnectAsync());
        var consumer = await side._jetStream.CreateOrUpdateConsumerAsync(
            stream, new ConsumerConfig("raw") { DurableName = "raw", AckPolicy = ConsumerConfigAckPolicy.Explicit, MaxAckPending = 100_000, MaxDeliver = -1 });
        side._running = Task.Run(async () =>
        {
            try
            {
                await loop(side, consumer.ConsumeAsync(NatsRawSerializer<byte[]>.Default, new NatsJSConsumeOpts { MaxMsgs = prefetch }, side._stop.Token));
            }
            catch (OperationCanceledException)
            {
                // The end of the case.
            }
        });
        return side;
    }

    private async Task TransferAsync(INatsJSMsg<byte[]> message, string letters, bool marks)
    {
        var (stream, sequence) = (message.Metadata!.Value.Stream, message.Metadata.Value.Sequence.Stream);
        var id = $"{stream}-{sequence}";
        var now = TimeProvider.System.GetUtcNow().ToString("O");
        var headers = new NatsHeaders
        {
            ["Dlq-Reason"] = "bad", ["Dlq-Error-Type"] = "System.Exception", ["Dlq-Error-Message"] = "it is bad", ["Dlq-Subject"] = message.Subject,
            ["Dlq-Stream"] = stream, ["Dlq-Seq"] = $"{sequence}", ["Dlq-Failed-At"] = now, ["Dlq-Tenant"] = message.Headers?["tenant"].ToString() ?? "",
        };
        var letter = await _jetStream.PublishAsync(
            $"{letters}.acme.{id}", message.Data, NatsRawSerializer<byte[]?>.Default, new NatsJSPubOpts { MsgId = id, ExpectedLastSubjectSequence = 0 }, headers);
        letter.EnsureSuccess();
        if (marks)
        {
            var mark = await _jetStream.PublishAsync(
                $"{letters}_MARKS.{id}",
                Encoding.UTF8.GetBytes($$"""{"transferred":true,"attempts":1,"failed_at":"{{now}}"}"""),
                NatsRawSerializer<byte[]>.Default,
                new NatsJSPubOpts { ExpectedLastSubjectSequence = 0 });
            mark.EnsureSuccess();
        }

        await message.AckAsync();
    }
}
