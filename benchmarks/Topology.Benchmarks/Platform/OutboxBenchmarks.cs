using System.Threading.Channels;
using BenchmarkDotNet.Attributes;
using Platform.Realtime;

namespace Topology.Benchmarks.Platform;

/// <summary>One state offered to one slow client: by topic, and by a bounded queue that drops its oldest.</summary>
public class OutboxBenchmarks
{
    private const int Many = 10_000;
    private const int Topics = 64;

    private readonly ConflatingOutbox _outbox = new(maxTerminals: 256);
    private readonly OutboxTopic[] _topics = [.. Enumerable.Range(0, Topics).Select(number => new OutboxTopic($"run.{number}"))];
    private readonly StateFrame _frame = new(1, false, default);
    private readonly Channel<StateFrame> _channel = Channel.CreateBounded<StateFrame>(new BoundedChannelOptions(Topics) { FullMode = BoundedChannelFullMode.DropOldest });

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("offer")]
    public void offer__outbox()
    {
        for (var i = 0; i < Many; i++)
        {
            var topic = _topics[i % Topics];
            topic.Offered = 0; // the same frame again, as if it were newer
            _outbox.Offer(topic, _frame);
        }
    }

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("offer")]
    public void offer__channel()
    {
        for (var i = 0; i < Many; i++)
            _channel.Writer.TryWrite(_frame);
    }
}
