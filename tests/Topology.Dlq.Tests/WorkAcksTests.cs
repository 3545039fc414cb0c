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
        var sent = 0;
        var acks = new WorkAcks(
            _ =>
            {
                Interlocked.Increment(ref sent);
                return default;
            },
            "worker",
            NullLogger.Instance);
        var delivery = JetStreamWorkDelivery.Read(s_message, acks)!;
        using var together = new Barrier(2);
        var clock = Stopwatch.StartNew();
        var rounds = 0;
        var over = false;
        await Task.WhenAll(GiveAsync(first: true), GiveAsync(first: false));
        Assert.Equal(2 * rounds, sent);

        Task GiveAsync(bool first) => Task.Factory.StartNew(
            () =>
            {
                while (!over)
                {
                    together.SignalAndWait(Token);
                    Assert.True(delivery.AckAsync(Token).AsTask().IsCompletedSuccessfully);
                    together.SignalAndWait(Token);
                    if (first)
                        over = ++rounds * 2 != sent || (rounds >= 1_000 && clock.Elapsed > TimeSpan.FromMilliseconds(300));
                    together.SignalAndWait(Token);
                }
            },
            Token,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
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
