using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Saga.JetStream.Internal;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

public sealed class SagaPullTests(NatsFixture nats)
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
            await using var pull = new SagaPull(context, stream, "worker", TimeProvider.System);
            await pull.AskAsync(10, Token);
            var clock = Stopwatch.StartNew();
            await Until.True(() => clock.Elapsed > TimeSpan.FromSeconds(3), cancellationToken: Token);
            await pull.AskAsync(10, Token);
            await PublishAsync(stream, 6);
            Assert.Equal(6, await ReadAsync(pull, 6));
            while (pull.Asked == 14)
                await ReadAsync(pull, 1);
            var left = pull.Asked;
            await PublishAsync(stream, left);
            if (await ReadAsync(pull, left) == left)
            {
                Assert.Equal(0, pull.Asked);
                return;
            }

            Assert.True(round < 4, $"{left} messages were counted as asked for, and fewer came");
        }

        async Task PublishAsync(string stream, int count)
        {
            for (var i = 0; i < count; i++)
                (await context.PublishAsync($"{stream}.{i}", i, cancellationToken: Token)).EnsureSuccess();
        }
    }

    /// <summary>The server forgets a connection's requests with it. Time stands still, so that none is over by itself.</summary>
    [Fact]
    public async Task What_was_asked_for_over_an_earlier_connection_is_not_counted_any_longer()
    {
        await using var proxy = FaultProxy.Start(nats.Server.Port);
        await using var connection = new NatsConnection(NatsOpts.Default with
        {
            Url = $"nats://127.0.0.1:{proxy.Port}", MaxReconnectRetry = -1, ReconnectWaitMin = TimeSpan.FromMilliseconds(20), ReconnectWaitMax = TimeSpan.FromMilliseconds(50),
        });
        var context = new NatsJSContext(connection);
        var stream = NatsFixture.Unique();
        await context.CreateStreamAsync(new StreamConfig(stream, [$"{stream}.>"]), Token);
        await context.CreateOrUpdateConsumerAsync(stream, new ConsumerConfig("worker"), Token);
        await using var pull = new SagaPull(context, stream, "worker", new FakeTimeProvider());
        await pull.AskAsync(10, Token);
        Assert.Equal(10, pull.Asked);
        proxy.Cut();
        await Until.True(() => pull.Asked == 0, cancellationToken: Token);
    }

    /// <summary>Reads so many, or until none is asked for any more.</summary>
    private static async Task<int> ReadAsync(SagaPull pull, int count)
    {
        var read = 0;
        while (read < count && pull.Asked > 0)
        {
            var items = await pull.ReadAsync(TimeSpan.FromMilliseconds(200), Token);
            read += items.Count;
            foreach (var item in items)
                await item.AckAsync(cancellationToken: Token);
            if (items.Count == 0 && count == 1)
                break;
        }

        return read;
    }
}
