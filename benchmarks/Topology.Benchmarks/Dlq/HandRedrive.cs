using System.Globalization;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Dlq;

namespace Topology.Benchmarks.Dlq;

/// <summary>What a redrive costs without this package when it may be resumed after a crash at any point: read the letter and its mark, mark it
/// begun, publish, mark it closed, remove the letter. No filter, no cap, no rate, no headers but the original's.</summary>
internal sealed class HandRedrive : IAsyncDisposable
{
    private const int UnderWay = 32;

    private readonly NatsConnection _connection;
    private readonly NatsJSContext _jetStream;
    private readonly string _letters;
    private readonly string _marks;

    private HandRedrive(NatsConnection connection, string queue)
    {
        _connection = connection;
        _jetStream = new NatsJSContext(connection);
        _letters = DeadLetterQueueNames.ToPhysical(queue);
        _marks = DeadLetterQueueNames.ToPhysicalMarks(queue);
    }

    public static async Task<HandRedrive> StartAsync(DlqBenchServer server, string queue) => new(await server.ConnectAsync(), queue);

    public async Task RunAsync(int letters)
    {
        var last = (await _jetStream.GetStreamAsync(_letters)).Info.State.LastSeq;
        await Parallel.ForEachAsync(
            Enumerable.Range(1, letters).Select(i => last - (ulong)(letters - i)),
            new ParallelOptions { MaxDegreeOfParallelism = UnderWay },
            async (sequence, _) => await OneAsync(sequence));
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task OneAsync(ulong sequence)
    {
        var letter = await GetAsync(_letters, string.Create(CultureInfo.InvariantCulture, $$"""{"seq":{{sequence}}}"""));
        var subject = letter.Headers!["Nats-Subject"].ToString();
        var id = subject[(subject.LastIndexOf('.') + 1)..];
        var mark = await GetAsync(_marks, $$"""{"last_by_subj":"{{_marks}}.{{id}}"}""");
        var revision = ulong.Parse(mark.Headers!["Nats-Sequence"].ToString(), CultureInfo.InvariantCulture);
        revision = await PublishAsync($"{_marks}.{id}", Encoding.UTF8.GetBytes("""{"transferred":true,"redrive_started":1}"""), null, revision, null);
        var headers = new NatsHeaders { ["tenant"] = "acme", ["workflow-id"] = "run-1", ["Dlq-Redrive-Id"] = $"redrive:{id}:1" };
        await PublishAsync(letter.Headers["Dlq-Subject"].ToString(), letter.Data, $"redrive:{id}:1", null, headers);
        await PublishAsync(
            $"{_marks}.{id}", Encoding.UTF8.GetBytes("""{"transferred":true,"redrive_started":1,"redrive_done":1,"closed":"redriven: 1"}"""), null, revision, null);
        await _jetStream.DeleteMessageAsync(_letters, new StreamMsgDeleteRequest { Seq = sequence, NoErase = true });
    }

    private async Task<NatsMsg<byte[]>> GetAsync(string stream, string request)
    {
        var reply = await _connection.RequestAsync(
            $"$JS.API.DIRECT.GET.{stream}", Encoding.UTF8.GetBytes(request), requestSerializer: NatsRawSerializer<byte[]>.Default, replySerializer: NatsRawSerializer<byte[]>.Default);
        return reply.Headers is { Code: 0 } ? reply : throw new InvalidOperationException($"{stream} {request}: {reply.Headers?.Code}");
    }

    private async Task<ulong> PublishAsync(string subject, byte[]? body, string? id, ulong? expected, NatsHeaders? headers)
    {
        var ack = await _jetStream.PublishAsync(
            subject, body, NatsRawSerializer<byte[]?>.Default, new NatsJSPubOpts { MsgId = id, ExpectedLastSubjectSequence = expected }, headers);
        ack.EnsureSuccess();
        return ack.Seq;
    }
}
