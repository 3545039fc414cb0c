using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>A server before 2.10.20 goes back by one when a message that is due again meets nothing but requests of processes that have
/// gone: what it delivered last is delivered once more, and said to be new.</summary>
public sealed class StepBackTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_try_of_a_process_that_has_gone_counts_although_the_server_says_that_there_was_none()
    {
        var (stream, queue) = await StreamAsync();
        await using (var gone = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.RetryAfter(TimeSpan.FromMinutes(10))))
            await Until.True(async () => (await MarksAsync(gone)).Count == 1, cancellationToken: Token);
        await StepBackAsync(stream);

        var (attempt, starts) = (0, 0);
        GuardedRun? next = null;
        await using var run = await GuardedRun.StartAsync(nats.Connection, stream, queue, message =>
        {
            (attempt, starts) = (message.Attempt, MarksAsync(Volatile.Read(ref next)!).GetAwaiter().GetResult()[0].Starts);
            return WorkVerdict.Done;
        }, start: false);
        next = run;
        await run.StartAsync();
        await Until.True(async () => await PendingAsync(stream) == 0, cancellationToken: Token);
        Assert.Equal((1, 2, 2), (run.Starts, attempt, starts));
    }

    [Fact]
    public async Task An_original_whose_letter_is_written_is_not_started_although_the_server_says_that_it_is_new()
    {
        var (stream, queue) = await StreamAsync();
        await using (var gone = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.RetryAfter(TimeSpan.FromMinutes(10))))
        {
            await Until.True(async () => (await MarksAsync(gone)).Count == 1, cancellationToken: Token);
            Assert.NotNull(await gone.Provider.TryWriteMarkAsync((await MarksAsync(gone))[0] with { Transferred = true }, Token));
        }

        await StepBackAsync(stream);
        await using var run = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.Done);
        await Until.True(async () => await PendingAsync(stream) == 0, cancellationToken: Token);
        Assert.Equal(0, run.Starts);
    }

    [Fact]
    public async Task The_first_message_a_process_is_given_may_not_be_new_and_leaves_no_mark_when_it_is()
    {
        var (stream, queue) = await StreamAsync();
        await using (await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.Done))
            await Until.True(async () => await PendingAsync(stream) == 0, cancellationToken: Token);
        await PublishAsync(stream);
        await using var run = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.Done);
        await Until.True(async () => run.Starts == 1 && await PendingAsync(stream) == 0, cancellationToken: Token);
        Assert.Empty(await MarksAsync(run));
    }

    /// <summary>As after a connection was lost: whoever is told that it is new had it before.</summary>
    [Fact]
    public async Task A_process_that_is_given_what_it_had_as_new_knows_that_it_may_not_be()
    {
        var (stream, queue) = await StreamAsync();
        await using var run = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.Done, start: false);
        var source = new JetStreamWorkSource(
            "worker",
            new GuardedConsumerOptions { Stream = stream, Queue = queue, AckWait = TimeSpan.FromMinutes(10) },
            run.Services.GetRequiredService<JetStreamTopology>(),
            TimeProvider.System,
            NullLogger.Instance);
        await source.OpenAsync(Token);
        await PublishAsync(stream);
        await PublishAsync(stream);
        Assert.Equal([(1, 1, false), (2, 1, false), (3, 1, false)], await TakeAsync(3));
        await StepBackAsync(stream, sequence: 3);
        Assert.Equal(StepsBack ? (3, 1, true) : (3, 2, false), (await TakeAsync(1))[0]);

        // As new, each of them: a consumer made anew, and in part a server that was killed.
        Assert.True(await new NatsJSContext(nats.Connection).DeleteConsumerAsync(stream, "worker", Token));
        await source.OpenAsync(Token);
        await PublishAsync(stream);
        await PublishAsync(stream);
        Assert.Equal([(1, 1, true), (2, 1, true), (3, 1, true), (4, 1, false), (5, 1, false)], await TakeAsync(5));

        // After nothing was asked for, what follows the newest is new; what others were given something before may not be.
        await PublishAsync(stream);
        Assert.Equal((6, 1, false), (await TakeAsync(1))[0]);
        var inbox = NatsFixture.Unique("other");
        await using (var other = await nats.Connection.SubscribeCoreAsync<byte[]>(inbox, cancellationToken: Token))
        {
            await nats.Connection.PublishAsync($"$JS.API.CONSUMER.MSG.NEXT.{stream}.worker", "{\"batch\":1}"u8.ToArray(), replyTo: inbox, cancellationToken: Token);
            await PublishAsync(stream);
            await other.Msgs.ReadAsync(Token);
        }

        await PublishAsync(stream);
        Assert.Equal((8, 1, true), (await TakeAsync(1))[0]);
        await source.CloseAsync();

        async Task<List<(int Sequence, int Deliveries, bool Doubtful)>> TakeAsync(int count)
        {
            var taken = new List<(int, int, bool)>();
            while (taken.Count < count)
            {
                await foreach (var delivery in source.FetchAsync(count - taken.Count, Token))
                    taken.Add(((int)delivery.Sequence, (int)delivery.Deliveries, delivery.IsDoubtful));
            }

            return taken;
        }
    }

    private bool StepsBack => Version.Parse(nats.Connection.ServerInfo!.Version.Split('-')[0]) < new Version(2, 10, 20);

    private static async Task<List<DeadLetterMark>> MarksAsync(GuardedRun run) => await run.Provider.ReadMarksAsync(run.Queue, Token).ToListAsync(Token);

    private async Task<(string Stream, string Queue)> StreamAsync()
    {
        var stream = NatsFixture.Unique("WORK");
        await new NatsJSContext(nats.Connection).CreateStreamAsync(new StreamConfig(stream, [$"{stream}.>"]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 1 << 20 }, Token);
        await PublishAsync(stream);
        return (stream, NatsFixture.Unique("q") + ".dlq");
    }

    private async Task PublishAsync(string stream) =>
        (await new NatsJSContext(nats.Connection).PublishAsync($"{stream}.x", new byte[] { 1 }, cancellationToken: Token)).EnsureSuccess();

    private async Task<ConsumerInfo> InfoAsync(string stream) => (await new NatsJSContext(nats.Connection).GetConsumerAsync(stream, "worker", Token)).Info;

    private async Task<ulong> PendingAsync(string stream) => await InfoAsync(stream) is var info ? info.NumPending + (ulong)info.NumAckPending : 0;

    /// <summary>Gives a message back while the only request is one whose inbox nobody listens to any longer.</summary>
    private async Task StepBackAsync(string stream, ulong sequence = 1)
    {
        var connection = nats.Connection;
        await Until.True(
            async () =>
            {
                var inbox = NatsFixture.Unique("gone"); // none that the connection listens to itself
                await using (await connection.SubscribeCoreAsync<byte[]>(inbox, cancellationToken: Token))
                {
                    await connection.PublishAsync(
                        $"$JS.API.CONSUMER.MSG.NEXT.{stream}.worker", Encoding.UTF8.GetBytes("""{"batch":1,"expires":60000000000}"""), replyTo: inbox, cancellationToken: Token);
                    if ((await InfoAsync(stream)).NumWaiting == 0)
                        return false; // it was given the message: again
                }

                await connection.PublishAsync($"$JS.ACK.{stream}.worker.1.{sequence}.{sequence}.1.0", "-NAK"u8.ToArray(), cancellationToken: Token);
                await connection.PingAsync(Token);
                return !StepsBack || (await InfoAsync(stream)).Delivered.StreamSeq == sequence - 1;
            },
            cancellationToken: Token);
    }
}
