using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>The network between client and server fails at each step of a transfer and of a redrive; what is on its way is lost, or late.</summary>
public sealed class ChaosNetworkTests(NatsFixture nats)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private NatsJSContext JetStream => new(nats.Connection);

    /// <summary>A transfer sends letter, mark and acknowledgement and is answered twice; what else is sent meanwhile makes the steps a little more.</summary>
    [Theory]
    [InlineData(FaultDirection.ToServer, 5)]
    [InlineData(FaultDirection.ToClient, 4)]
    public async Task A_network_that_fails_at_any_step_of_a_transfer_leaves_one_letter_and_loses_nothing(FaultDirection direction, int steps)
    {
        var failed = await EachAsync(steps, async (step, way) =>
        {
            var (stream, queue) = await NewAsync();
            await using var proxy = FaultProxy.Start(nats.Server.Port);
            await using var connection = await ConnectAsync(proxy);
            using var over = new CancellationTokenSource();
            Task<bool>? failing = null;
            await using var run = await GuardedRun.StartAsync(connection, stream, queue, message =>
            {
                failing ??= FailAsync(proxy, direction, step, way, over.Token);
                return WorkVerdict.DeadLetter("bad");
            });
            await PublishAsync(stream);
            await Until.True(
                async () => failing is not null && await PendingAsync(stream) == 0 && (await LettersAsync(queue)).Count == 1, TimeSpan.FromSeconds(60), Token);
            Assert.Equal("one", Encoding.UTF8.GetString((await LettersAsync(queue)).Single().Body.Span));
            await over.CancelAsync();
            return await failing!;
        });
        Assert.True(failed >= steps, $"Only {failed} faults hit something.");
        Chaos.Report($"network failed {failed} times {direction} during a transfer: one letter each, 0 lost");
    }

    /// <summary>A redrive reads the letter and its mark, asks for the position, marks, publishes, marks, and removes the letter.</summary>
    [Theory]
    [InlineData(FaultDirection.ToServer, 9)]
    [InlineData(FaultDirection.ToClient, 9)]
    public async Task A_network_that_fails_at_any_step_of_a_redrive_leaves_one_redrive_once_it_is_run_again(FaultDirection direction, int steps)
    {
        var failed = await EachAsync(steps, async (step, way) =>
        {
            var (stream, queue) = await NewAsync();
            await using (var run = await GuardedRun.StartAsync(nats.Connection, stream, queue, _ => WorkVerdict.DeadLetter("bad")))
            {
                await PublishAsync(stream);
                await Until.True(async () => (await run.LettersAsync()).Count == 1 && await PendingAsync(stream) == 0, TimeSpan.FromSeconds(60), Token);
            }

            await using var proxy = FaultProxy.Start(nats.Server.Port);
            await using var connection = await ConnectAsync(proxy);
            await using var redriving = await GuardedRun.StartAsync(connection, stream, queue, _ => WorkVerdict.Done, start: false);
            await redriving.Provider.SampleAsync(queue, Token);
            using var over = new CancellationTokenSource();
            var failing = FailAsync(proxy, direction, step, way, over.Token);
            await Until.True(
                async () =>
                {
                    try
                    {
                        await redriving.Redrive.RunAsync(new(new(queue)), cancellationToken: Token);
                        return (await redriving.LettersAsync()).Count == 0;
                    }
                    catch (DeadLetterException)
                    {
                        return false;
                    }
                },
                TimeSpan.FromSeconds(60),
                Token);
            var info = (await JetStream.GetStreamAsync(stream, new StreamInfoRequest { SubjectsFilter = ">" }, Token)).Info;
            Assert.Equal(2, info.State.Messages);
            await over.CancelAsync();
            return await failing;
        });
        Assert.True(failed >= steps, $"Only {failed} faults hit something.");
        Chaos.Report($"network failed {failed} times {direction} during a redrive: one redrive each");
    }

    private enum Way
    {
        /// <summary>What is on its way is lost, and the connection with it.</summary>
        Lost,

        /// <summary>What is on its way arrives after its sender was given up, as from a process that was stopped and goes on.</summary>
        Late,
    }

    /// <returns>How many faults hit something.</returns>
    private static async Task<int> EachAsync(int steps, Func<int, Way, Task<bool>> fail)
    {
        var hits = await Task.WhenAll(Enumerable.Range(0, steps).SelectMany(step => Enum.GetValues<Way>().Select(way => fail(step, way))));
        return hits.Count(hit => hit);
    }

    /// <summary>Lets so many steps pass, and then fails for a while.</summary>
    /// <returns>Whether there was such a step.</returns>
    private static async Task<bool> FailAsync(FaultProxy proxy, FaultDirection direction, int step, Way way, CancellationToken over)
    {
        if (way == Way.Lost)
            proxy.Drop(direction, step);
        else
            proxy.Hold(direction, step);
        await Until.True(() => proxy.Stopped(direction) > 0 || over.IsCancellationRequested, TimeSpan.FromSeconds(70), Token);
        if (proxy.Stopped(direction) == 0)
            return false;
        if (way == Way.Late)
            await Task.Delay(TimeSpan.FromSeconds(2), Token); // ack_wait is a second
        else
            proxy.Cut();
        proxy.Pass();
        return true;
    }

    private async Task<(string Stream, string Queue)> NewAsync()
    {
        var stream = NatsFixture.Unique("WORK");
        await JetStream.CreateStreamAsync(
            new StreamConfig(stream, [$"{stream}.>"]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 1 << 20, DuplicateWindow = TimeSpan.FromMilliseconds(100) }, Token);
        return (stream, NatsFixture.Unique("q") + ".dlq");
    }

    private static async Task<NatsConnection> ConnectAsync(FaultProxy proxy)
    {
        var connection = new NatsConnection(NatsOpts.Default with
        {
            Url = $"nats://127.0.0.1:{proxy.Port}",
            MaxReconnectRetry = -1,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(20),
            ReconnectWaitMax = TimeSpan.FromMilliseconds(50),
        });
        await connection.ConnectAsync();
        return connection;
    }

    private async Task PublishAsync(string stream) =>
        (await JetStream.PublishAsync($"{stream}.x", Encoding.UTF8.GetBytes("one"), cancellationToken: Token)).EnsureSuccess();

    private async Task<long> PendingAsync(string stream)
    {
        var info = (await JetStream.GetConsumerAsync(stream, "worker", Token)).Info;
        return (long)info.NumPending + info.NumAckPending;
    }

    private async Task<List<DeadLetter>> LettersAsync(string queue)
    {
        await using var looking = new JetStreamQueueUnderTest(nats.Connection, queue);
        return await looking.Provider.ReadAsync(queue, Token).ToListAsync(Token);
    }
}
