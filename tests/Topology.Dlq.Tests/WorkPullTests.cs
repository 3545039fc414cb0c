using System.Diagnostics;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

public sealed class WorkPullTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The server serves its waiting requests in turns: how much of one was left when its time was over is known there alone.</summary>
    [Fact]
    public async Task What_is_counted_as_asked_for_is_what_still_comes_after_one_of_two_requests_has_ended()
    {
        var context = new NatsJSContext(nats.Connection);

        // Again when this machine was too slow, and the second request ended as well.
        for (var round = 1; ; round++)
        {
            var stream = NatsFixture.Unique();
            await context.CreateStreamAsync(new StreamConfig(stream, [$"{stream}.>"]), Token);
            await context.CreateOrUpdateConsumerAsync(stream, new ConsumerConfig("worker"), Token);
            await using var pull = await WorkPull.OpenAsync(context, stream, "worker", TimeProvider.System, Token);
            await pull.AskAsync(10, Token);
            var clock = Stopwatch.StartNew();
            await Until.True(() => clock.Elapsed > TimeSpan.FromSeconds(3), cancellationToken: Token);
            await pull.AskAsync(10, Token);
            await PublishAsync(stream, 6);
            Assert.Equal(6, await ReadAsync(pull, () => pull.Asked > 14));
            await ReadAsync(pull, () => pull.Asked == 14);
            var left = pull.Asked;
            await PublishAsync(stream, left);
            if (await ReadAsync(pull, () => pull.Asked > 0) == left)
                return;
            Assert.True(round < 4, $"{left} messages were counted as asked for, and fewer came");
        }

        async Task PublishAsync(string stream, int count)
        {
            for (var i = 0; i < count; i++)
                (await context.PublishAsync($"{stream}.{i}", i, cancellationToken: Token)).EnsureSuccess();
        }
    }

    private async Task<int> ReadAsync(WorkPull pull, Func<bool> goesOn)
    {
        var read = 0;
        while (goesOn())
        {
            await pull.WaitAsync(TimeSpan.FromMilliseconds(200), Token);
            while (goesOn() && pull.TryRead(out var message))
            {
                read++;
                await nats.Connection.PublishAsync(message.ReplyTo!, "+ACK"u8.ToArray(), cancellationToken: Token);
            }
        }

        return read;
    }
}
