using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Time.Testing;
using Topology.TestKit;

namespace Topology.Saga.Tests;

public sealed class TelemetryTests : IDisposable
{
    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly ActivityListener _listener;
    private readonly string _saga = $"traced-{Guid.NewGuid():N}";

    public TelemetryTests()
    {
        _listener = new()
        {
            ShouldListenTo = source => source.Name is "Topology.Saga" or "test",
            Sample = static (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = _spans.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task A_slice_of_a_run_and_each_try_are_spans_in_the_trace_of_the_start_also_over_a_take_over()
    {
        var world = new SagaWorld();
        var hangs = true;
        var begun = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>(_saga).Step("a", static (_, _) => default).Step("b", async (_, token) =>
        {
            begun.TrySetResult();
            await (hangs ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token) : Task.CompletedTask);
            throw new SagaRejectedException("no");
        }).Build();
        using var source = new ActivitySource("test");
        ActivityContext start;
        await using (var first = await SagaTestHost.StartAsync(world, definition, ["a", "b"]))
        {
            using (var caller = source.StartActivity("caller"))
            {
                start = caller!.Context;
                await first.Client.StartAsync(definition, "1", "input", null, Token);
            }

            await begun.Task.WaitAsync(Token);
        }

        hangs = false;
        await using (var second = await SagaTestHost.StartAsync(world, definition, ["a", "b"]))
        {
            Assert.Equal(SagaStatus.Compensated, (await second.Client.WaitAsync(new(_saga, "1"), Token)).Status);
        }

        var slices = _spans.Where(span => span.OperationName == $"saga {_saga}").ToList();
        Assert.Equal(2, slices.Count);
        Assert.All(slices, slice => Assert.Equal((start.TraceId, start.SpanId), (slice.TraceId, slice.ParentSpanId)));
        Assert.All(slices, slice => Assert.Empty(slice.Links));
        Assert.Equal(["saga.step a", "saga.step b"], Tries(slices[0]));
        Assert.Equal(["saga.step b", "saga.compensate b", "saga.compensate a"], Tries(slices[1]));
        var failed = _spans.Single(span => span.ParentSpanId == slices[1].SpanId && span.OperationName == "saga.step b");
        Assert.Equal((ActivityStatusCode.Error, nameof(SagaRejectedException)), (failed.Status, failed.StatusDescription));
    }

    [Fact]
    public async Task A_slice_that_was_told_to_go_on_is_in_the_trace_of_who_told_it_and_linked_to_the_start_and_one_whose_time_came_only_linked()
    {
        var definition = SagaDefinition.Create<string>(_saga).WaitForSignal<string>("a", "go", TimeSpan.FromDays(1)).WaitForSignal<string>("b", "go", TimeSpan.FromDays(1)).Build();
        using var source = new ActivitySource("test");
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var host = await SagaTestHost.StartAsync(new SagaWorld(time), definition);
        ActivityContext start, signal;
        using (var caller = source.StartActivity("caller"))
        {
            start = caller!.Context;
            await host.Client.StartAsync(definition, "1", "input", null, Token);
        }

        await host.UntilAsync(new(_saga, "1"), saga => saga.Status == SagaStatus.Waiting);
        using (var caller = source.StartActivity("signaller"))
        {
            signal = caller!.Context;
            await host.Client.SignalAsync(new(_saga, "1"), "go", "on", Token);
        }

        await host.UntilAsync(new(_saga, "1"), saga => saga is { Status: SagaStatus.Waiting, Steps: [{ Status: SagaStepStatus.Completed }, _] });
        await Until.True(() => Slices().Count == 2, cancellationToken: Token);
        await host.UntilAsync(new(_saga, "1"), saga => saga.Status == SagaStatus.Compensated, TimeSpan.FromHours(12));
        await Until.True(() => Slices().Count == 3, cancellationToken: Token);

        Assert.Equal((start.SpanId, 0), (Slices()[0].ParentSpanId, Slices()[0].Links.Count()));
        Assert.Equal((signal.TraceId, signal.SpanId), (Slices()[1].TraceId, Slices()[1].ParentSpanId));
        Assert.Null(Slices()[2].ParentId);
        Assert.All(Slices().Skip(1), slice => Assert.Equal(start.SpanId, Assert.Single(slice.Links).Context.SpanId));

        List<Activity> Slices() => [.. _spans.Where(span => span.OperationName == $"saga {_saga}")];
    }

    [Fact]
    public async Task A_try_that_was_cancelled_is_not_told_as_one_that_took_too_long()
    {
        var begun = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>(_saga).Step("a", async (_, token) =>
        {
            begun.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        }).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, ["a"]);
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        await begun.Task.WaitAsync(Token);
        await host.Client.CancelAsync(id, "enough", cancellationToken: Token);
        await host.Client.WaitAsync(id, Token);

        await Until.True(() => _spans.Any(span => span.OperationName == $"saga {_saga}"), cancellationToken: Token);
        var slice = _spans.Single(span => span.OperationName == $"saga {_saga}");
        var tried = _spans.Single(span => span.ParentSpanId == slice.SpanId && span.OperationName == "saga.step a");
        Assert.Equal((ActivityStatusCode.Error, nameof(TaskCanceledException)), (tried.Status, tried.StatusDescription));
    }

    [Fact]
    public async Task Runs_tries_take_overs_fences_and_sagas_at_rest_are_counted_under_their_names_and_no_tag_names_a_saga()
    {
        var world = new SagaWorld();
        var gate = new TaskCompletionSource();
        var definition = SagaDefinition.Create<string>(_saga).Step("a", static (_, _) => default)
            .Step("p", async (context, token) =>
            {
                await gate.Task.WaitAsync(token);
                throw new HttpRequestException(context.Input);
            }, new() { Kind = SagaStepKind.Pivot, MaxAttempts = 1 }).Build();
        await using var host = await SagaTestHost.StartAsync(world, definition, ["a"], s => s.AddMetrics());
        var factory = host.Services.GetRequiredService<IMeterFactory>();
        using var active = new MetricCollector<long>(factory, "Topology.Saga", "topology.saga.active");
        using var fenced = new MetricCollector<long>(factory, "Topology.Saga", "topology.saga.fenced");
        using var parked = new MetricCollector<long>(factory, "Topology.Saga", "topology.saga.parked");
        using var settled = new MetricCollector<long>(factory, "Topology.Saga", "topology.saga.settled");
        using var takeovers = new MetricCollector<long>(factory, "Topology.Saga", "topology.saga.takeovers");
        using var durations = new MetricCollector<double>(factory, "Topology.Saga", "topology.saga.duration");
        using var tries = new MetricCollector<double>(factory, "Topology.Saga", "topology.saga.try.duration");
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var held = await host.UntilAsync(id, saga => saga.Steps[0].Status == SagaStepStatus.Completed);

        // Another owner writes: the first is fenced. Then the item of the other is handed out again, and it is taken over.
        await world.Journal.AppendAsync(id, held.Version, new(Guid.NewGuid(), [new SagaEvent.Claimed("wake-2", Redelivered: true)]), Token);
        await world.Inbox.PostAsync(id, new SagaMessage.Signal("look", SagaValue.None), Token);
        await Until.True(() => fenced.GetMeasurementSnapshot().Count == 1, cancellationToken: Token);
        gate.SetResult();
        await world.Dispatcher.WakeAsync(id, Token);
        await host.Client.WaitAsync(id, Token);
        await Until.True(() => active.GetMeasurementSnapshot().EvaluateAsCounter() == 0, cancellationToken: Token);
        parked.RecordObservableInstruments();

        Assert.Equal(1, takeovers.GetMeasurementSnapshot().EvaluateAsCounter());
        Assert.Equal("Stuck", Assert.Single(settled.GetMeasurementSnapshot()).Tags["status"]);
        Assert.Single(durations.GetMeasurementSnapshot());
        Assert.Equal(1, parked.GetMeasurementSnapshot()[^1].Value);
        Assert.Equal([("a", null), ("p", "System.Net.Http.HttpRequestException")], tries.GetMeasurementSnapshot().Select(m => ((string)m.Tags["step"]!, (string?)m.Tags["error.type"])));
        var tags = settled.GetMeasurementSnapshot().SelectMany(m => m.Tags).Concat(tries.GetMeasurementSnapshot().SelectMany(m => m.Tags))
            .Concat(fenced.GetMeasurementSnapshot().SelectMany(m => m.Tags)).Concat(takeovers.GetMeasurementSnapshot().SelectMany(m => m.Tags));
        Assert.DoesNotContain(tags, tag => tag.Value is "1" or "input" or "-");
    }

    private List<string> Tries(Activity slice) =>
        [.. _spans.Where(span => span.ParentSpanId == slice.SpanId).OrderBy(span => span.StartTimeUtc).Select(span => span.OperationName)];
}
