using System.Diagnostics;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

public sealed class SagaTimersTests(NatsFixture nats)
{
    private static readonly bool _isFull = Environment.GetEnvironmentVariable("TOPOLOGY_FULL") == "1";

    private readonly string _prefix = JetStreamSagas.NewPrefix();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Far_timers_are_not_touched_when_a_short_one_is_due_however_many_they_are()
    {
        var far = _isFull ? 150_000 : 3_000;
        await using var sagas = new JetStreamSagas(nats.Connection, _prefix, options => options.MaxTimerBytes = 256 << 20);
        await Parallel.ForEachAsync(Enumerable.Range(0, far), new ParallelOptions { MaxDegreeOfParallelism = 128, CancellationToken = Token }, async (n, token) =>
            await sagas.Dispatcher.SetTimerAsync(new("d", $"far-{n}"), "w", TimeSpan.FromHours(24), token));

        var watch = Stopwatch.StartNew();
        await sagas.Dispatcher.SetTimerAsync(new("d", "near"), "w", TimeSpan.FromSeconds(1), Token);
        await foreach (var lease in sagas.Dispatcher.LeaseAsync(new HashSet<string> { "d" }, () => 10, () => { }, Token))
        {
            Assert.Equal("near", lease.SagaId.Value);
            await lease.CompleteAsync(Token);
            break;
        }

        TestContext.Current.SendDiagnosticMessage($"timers: {far} far ones, a timer of 1 s came after {watch.Elapsed.TotalSeconds:0.00} s");
        var stream = await new NatsJSContext(nats.Connection).GetStreamAsync(
            $"{_prefix.ToUpperInvariant()}_TIMERS", new StreamInfoRequest { SubjectsFilter = $"{_prefix}.timer.*.*" }, Token);
        Assert.Equal(0, stream.Info.State.ConsumerCount);
        Assert.All(stream.Info.State.Subjects!, subject => Assert.EndsWith(".far", subject.Key, StringComparison.Ordinal));
        Assert.Equal(far, stream.Info.State.Subjects!.Values.Sum());
    }

    [Fact]
    public async Task Timers_that_were_due_while_nobody_was_there_are_handed_out_once_to_one_of_several_workers()
    {
        await using var setter = new JetStreamSagas(nats.Connection, _prefix);
        for (var n = 0; n < 50; n++)
        {
            await setter.Dispatcher.SetTimerAsync(new("d", $"{n}"), "w", TimeSpan.FromMilliseconds(1), Token);
        }

        // A minute that is long over: what a process left behind that was down.
        await new NatsJSContext(nats.Connection).PublishAsync(
            $"{_prefix}.timer.1000.far", """{"definition":"d","id":"old","step":"w","delay_ms":1}"""u8.ToArray(), cancellationToken: Token);
        await new NatsJSContext(nats.Connection).PublishAsync($"{_prefix}.timer.1000.far", "not a timer"u8.ToArray(), cancellationToken: Token);

        await using var other = new JetStreamSagas(nats.Connection, _prefix);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var taken = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var workers = new[] { setter, other }.Select(sagas => Task.Run(async () =>
        {
            await foreach (var lease in sagas.Dispatcher.LeaseAsync(new HashSet<string> { "d" }, () => 10, () => { }, stop.Token))
            {
                taken.Enqueue(lease.SagaId.Value);
                await lease.CompleteAsync(Token);
            }
        }, Token)).ToList();
        await Until.True(() => taken.Distinct().Count() == 51, cancellationToken: Token);

        // One more, set later and therefore handed out later: what came twice would have come before.
        await setter.Dispatcher.SetTimerAsync(new("d", "last"), "w", TimeSpan.FromSeconds(1), Token);
        await Until.True(() => taken.Contains("last"), cancellationToken: Token);
        Assert.Equal(52, taken.Count);
        await stop.CancelAsync();
        await Task.WhenAll(workers);
    }
}
