using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace Topology.Dlq.Tests;

public sealed class DeadLetterMetricsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Letters_are_counted_once_under_the_name_of_the_specification()
    {
        await using var house = new DeadLetterHouse();
        using var counter = new MetricCollector<long>(house.Services.GetRequiredService<IMeterFactory>(), "Topology.Dlq", "dlq_messages_total");
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        await house.Publisher.PublishAsync(house.Letter("b") with { Reason = "anything a publisher writes" }, Token);
        var counted = counter.GetMeasurementSnapshot();
        Assert.Equal([1, 1], counted.Select(measurement => measurement.Value));
        Assert.Equal([DeadLetterHouse.Queue, DeadLetterHouse.Queue], counted.Select(measurement => measurement.Tags["queue"]));
        Assert.Equal(["compensation-exhausted", "other"], counted.Select(measurement => measurement.Tags["reason"]));
    }

    [Fact]
    public async Task The_depth_is_sampled_in_the_background_and_reading_it_asks_nobody()
    {
        await using var house = new DeadLetterHouse();
        using var depth = new MetricCollector<long>(house.Services.GetRequiredService<IMeterFactory>(), "Topology.Dlq", "queue_depth");
        using var age = new MetricCollector<double>(house.Services.GetRequiredService<IMeterFactory>(), "Topology.Dlq", "topology.dlq.oldest_age");
        await house.Publisher.PublishAsync(house.Letter("a"), Token);
        Assert.Empty(Read(depth));
        await house.StartAsync(Token);
        await Until(() => Read(depth).GetValueOrDefault(DeadLetterHouse.Queue) == 1);
        Assert.Equal(0, Read(depth)[DeadLetterQueueNames.AgentRun]);

        await house.Publisher.PublishAsync(house.Letter("b"), Token);
        Assert.Equal(1, Read(depth)[DeadLetterHouse.Queue]);
        house.Time.Advance(TimeSpan.FromSeconds(15));
        await Until(() => Read(depth)[DeadLetterHouse.Queue] == 2);
        Assert.Equal(15, Read(age)[DeadLetterHouse.Queue]);
    }

    [Fact]
    public async Task Redrives_are_counted_by_what_came_of_them()
    {
        await using var house = new DeadLetterHouse(services => services.AddRedriveTarget<Fickle>(DeadLetterHouse.Queue));
        using var redrives = new MetricCollector<long>(house.Services.GetRequiredService<IMeterFactory>(), "Topology.Dlq", "topology.dlq.redrives");
        foreach (var id in new[] { "good", "bad", "good2" })
            await house.Publisher.PublishAsync(house.Letter(id), Token);
        await house.Redrive.RunAsync(new(new(DeadLetterHouse.Queue)), cancellationToken: Token);
        Assert.Equal(["done", "failed", "done"], redrives.GetMeasurementSnapshot().Select(measurement => measurement.Tags["outcome"]));
        Assert.All(redrives.GetMeasurementSnapshot(), measurement => Assert.Equal(DeadLetterHouse.Queue, measurement.Tags["queue"]));
    }

    [Fact]
    public async Task A_letter_that_its_queue_does_not_take_is_counted_each_time()
    {
        await using var test = new GuardUnderTest((_, _) => ValueTask.FromResult(WorkVerdict.DeadLetter("bad")));
        using var failures = new MetricCollector<long>(test.House.Services.GetRequiredService<IMeterFactory>(), "Topology.Dlq", "topology.dlq.publish_failures");
        using var handled = new MetricCollector<long>(test.House.Services.GetRequiredService<IMeterFactory>(), "Topology.Dlq", "topology.dlq.handled");
        await test.House.Publisher.PublishAsync(test.House.Letter("big", DeadLetterQueueNames.AgentRun) with { Body = new byte[(1 << 20) - 120] }, Token);
        test.Add("a");
        await test.RunAsync(() => failures.GetMeasurementSnapshot().Count >= 2, stop: false);
        Assert.Empty(handled.GetMeasurementSnapshot());
        await test.House.Publisher.CloseAsync(DeadLetterQueueNames.AgentRun, "big", "room", Token);
        await test.RunAsync(() => test.Stream.Left == 0);
        Assert.Equal("DeadLetter", Assert.Single(handled.GetMeasurementSnapshot()).Tags["verdict"]);
        Assert.All(failures.GetMeasurementSnapshot(), measurement => Assert.Equal(DeadLetterQueueNames.AgentRun, measurement.Tags["queue"]));
    }

    private sealed class Fickle : IRedriveTarget
    {
        public ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken) =>
            letter.Id == "bad" ? throw new InvalidOperationException("no") : default;
    }

    private static Dictionary<string, T> Read<T>(MetricCollector<T> collector)
        where T : struct
    {
        collector.Clear();
        collector.RecordObservableInstruments();
        return collector.GetMeasurementSnapshot().ToDictionary(measurement => (string)measurement.Tags["queue"]!, measurement => measurement.Value);
    }

    private static async Task Until(Func<bool> condition)
    {
        for (var i = 0; !condition(); i++)
        {
            Assert.True(i < 5_000, "It did not happen within 5 s.");
            await Task.Delay(1, Token);
        }
    }
}
