using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using Topology.Dlq.Internal;

namespace Topology.Dlq.Tests;

public sealed class WorkAcksTests
{
    private static readonly NatsMsg<byte[]> s_message = new("work.x", "$JS.ACK.WORK.worker.1.1.1.1767323045123456789.0", 1, null, [1], null);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The one that comes when the other has found nothing more, and has not said yet that it sends no longer.</summary>
    [Fact]
    public async Task Of_two_that_are_given_at_the_same_time_none_is_left_behind()
    {
        const int Over = int.MaxValue;
        JetStreamWorkDelivery first = null!;
        var (sent, round, given) = (0, 0, 0);
        var acks = new WorkAcks(
            delivery =>
            {
                Interlocked.Increment(ref sent);
                if (delivery == first)
                    Thread.SpinWait(Interlocked.Increment(ref round) % 40); // the other comes a little earlier each time
                return default;
            },
            "worker",
            NullLogger.Instance);
        first = JetStreamWorkDelivery.Read(s_message, acks)!;
        var second = JetStreamWorkDelivery.Read(s_message, acks)!;
        var giving = Task.Factory.StartNew(
            () =>
            {
                for (var mine = 1; Reaches(ref round, mine) != Over; mine++)
                {
                    Assert.True(second.AckAsync(Token).AsTask().IsCompletedSuccessfully);
                    Volatile.Write(ref given, mine);
                }
            },
            Token,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        var clock = Stopwatch.StartNew();
        var rounds = 0;
        do
        {
            await first.AckAsync(Token);
            Reaches(ref given, ++rounds);
        }
        while (sent == 2 * rounds && (rounds < 1_000 || clock.Elapsed < TimeSpan.FromMilliseconds(300)));
        Volatile.Write(ref round, Over);
        await giving;
        Assert.Equal(2 * rounds, sent);

        // Without a pause as long as that is short: the moment it is about is.
        static int Reaches(ref int counter, int wanted)
        {
            for (var looks = 0; ; looks++)
            {
                if (Volatile.Read(ref counter) is var reached && reached >= wanted)
                    return reached;
                if (looks > 1_000)
                    Thread.Yield();
            }
        }
    }

    [Fact]
    public async Task One_that_cannot_be_sent_holds_up_no_other()
    {
        var sent = 0;
        var acks = new WorkAcks(_ => ++sent == 1 ? throw new NatsException("away") : default, "worker", NullLogger.Instance);
        var delivery = JetStreamWorkDelivery.Read(s_message, acks)!;
        await delivery.AckAsync(Token);
        await delivery.AckAsync(Token);
        Assert.Equal(2, sent);
    }
}
