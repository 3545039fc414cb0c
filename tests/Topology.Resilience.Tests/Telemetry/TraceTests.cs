using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.Dlq;
using Topology.Resilience.Tests.Glue;
using Topology.Saga;

namespace Topology.Resilience.Tests.Telemetry;

/// <summary>The way of a run from its request to its end, as an operator sees it in a trace.</summary>
public sealed class TraceTests(GlueServers servers) : IClassFixture<GlueServers>
{
    private const string Letters = DeadLetterQueueNames.AgentRun;

    private static readonly SagaDefinition<string> s_definition = SagaDefinition.Create<string>("traced", TestJson.Default)
        .Step("pay", static (_, _) => ValueTask.FromResult("paid"))
        .Build();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_trace_follows_a_request_through_JetStream_to_its_saga()
    {
        using var spans = new Spans();
        await using var app = await StartAsync();
        var run = $"run-{Guid.NewGuid():N}";
        var request = await spans.UntilAsync(await PostAsync(app, $"/runs/{run}"));
        var step = await spans.UntilAsync(span => span.OperationName == "saga.step pay" && span.TraceId == request.TraceId);
        await spans.UntilAsync(span => span.SpanId == step.ParentSpanId);
        Assert.Equal(
            [request.OperationName, "work.handle orchestrator", "saga traced", "saga.step pay"],
            Ancestry(spans, step).Select(span => span.OperationName).Reverse());
        var handled = spans.In(request.TraceId).Single(span => span.OperationName == "work.handle orchestrator");
        Assert.Equal(("agent.run.requested", 1), ((string)handled.GetTagItem("messaging.destination.name")!, (int)handled.GetTagItem("topology.attempt")!));
    }

    [Fact]
    public async Task A_message_that_dies_is_one_trace_and_its_redrive_another_that_is_linked_to_it()
    {
        using var spans = new Spans();
        await using var app = await StartAsync();
        var run = $"bad-{Guid.NewGuid():N}";
        var request = await spans.UntilAsync(await PostAsync(app, $"/runs/{run}"));
        var processed = await spans.UntilAsync(span => span.OperationName == $"dlq.process {Letters}" && span.TraceId == request.TraceId);
        Assert.Equal(
            [request.OperationName, "work.handle orchestrator", $"dlq.publish {Letters}", $"dlq.process {Letters}"],
            Ancestry(spans, processed).Select(span => span.OperationName).Reverse());
        var died = Ancestry(spans, processed).ElementAt(2);
        Assert.Equal((ActivityStatusCode.Error, typeof(FormatException).FullName), (died.Status, died.GetTagItem("error.type")));

        app.Services.GetRequiredService<Handler.Mood>().Takes[run] = true;
        await Until.Value(() => app.Services.GetRequiredService<IDeadLetterStore>().StatsAsync(Letters, Token).AsTask(), stats => stats.Parked == 1, cancellationToken: Token);
        var redrive = await spans.UntilAsync(await PostAsync(app, $"/redrives/{Letters}"));
        var again = await spans.UntilAsync(span => span.OperationName == "work.handle orchestrator" && span.TraceId == redrive.TraceId);
        var redriven = Ancestry(spans, again).ElementAt(1);
        Assert.Equal(($"dlq.redrive {Letters}", redrive.SpanId), (redriven.OperationName, redriven.ParentSpanId));
        var published = Ancestry(spans, processed).ElementAt(1);
        Assert.Equal(published.SpanId, Assert.Single(redriven.Links).Context.SpanId);
        Assert.Equal(published.SpanId, Assert.Single(again.Links).Context.SpanId);
        Assert.NotEqual(request.TraceId, redrive.TraceId);

        // What the redriven message starts is the redrive's work.
        await spans.UntilAsync(span => span.OperationName == "saga traced" && span.TraceId == redrive.TraceId && span.ParentSpanId == again.SpanId);
    }

    [Fact]
    public async Task One_trace_follows_a_request_to_a_saga_over_its_take_over_to_its_letter_and_the_redrive_is_linked_to_it()
    {
        using var spans = new Spans();
        var world = new GlueWorld();
        await using var app = await StartAsync(world);
        var run = $"whole-{Guid.NewGuid():N}";
        world.Broken[$"{run}:ship"] = new SagaRejectedException("out of stock");
        world.Broken[$"{run}:refund"] = new HttpRequestException("503");
        var lost = 0;
        world.Loses = (_, entry) => entry.Events.Any(stored => stored is SagaEvent.StepCompleted { StepId: "pay" }) && Interlocked.Increment(ref lost) <= 3;

        // Forwards: the first owner's records do not arrive, so that another takes the saga over; its compensation dies.
        var request = await spans.UntilAsync(await PostAsync(app, $"/runs/{run}"));
        var letter = await spans.UntilAsync(span => span.OperationName == $"dlq.publish {GlueHost.Letters}" && span.TraceId == request.TraceId);
        await spans.UntilAsync(span => span.SpanId == letter.ParentSpanId);
        Assert.Equal(
            [request.OperationName, "work.handle orchestrator", "saga glue", letter.OperationName],
            Ancestry(spans, letter).Select(span => span.OperationName).Reverse());
        var owners = spans.In(request.TraceId).Where(span => span.OperationName == "saga glue").ToArray();
        Assert.Equal([0, 1], owners.Select(span => (int)span.GetTagItem("saga.takeovers")!));
        Assert.Equal(owners[0].ParentSpanId, owners[1].ParentSpanId);
        Assert.Equal(letter.ParentSpanId, owners[1].SpanId);
        Assert.Contains(spans.In(request.TraceId), span => span.OperationName == "saga.step pay" && span.ParentSpanId == owners[0].SpanId);
        Assert.Contains(spans.In(request.TraceId), span => span.OperationName == "saga.step ship" && span.ParentSpanId == owners[1].SpanId);

        // And back: the redrive is a trace of its own, linked to the letter, and retries the saga.
        world.Broken.Clear();
        var redrive = await spans.UntilAsync(await PostAsync(app, $"/redrives/{GlueHost.Letters}"));
        var retried = await spans.UntilAsync(span => span.OperationName == "saga glue" && span.TraceId == redrive.TraceId);
        var redriven = Ancestry(spans, retried).ElementAt(1);
        Assert.Equal(($"dlq.redrive {GlueHost.Letters}", redrive.SpanId), (redriven.OperationName, redriven.ParentSpanId));
        Assert.Equal(letter.SpanId, Assert.Single(redriven.Links).Context.SpanId);
        Assert.Equal(owners[0].ParentSpanId, Assert.Single(retried.Links).Context.SpanId);
        Assert.Equal((1, 1), (world.Runs(run, "pay"), world.Runs(run, "refund")));
    }

    private static IEnumerable<Activity> Ancestry(Spans spans, Activity span)
    {
        var trace = spans.In(span.TraceId).ToDictionary(other => other.SpanId);
        for (Activity? next = span; next is not null; next = trace.GetValueOrDefault(next.ParentSpanId))
            yield return next;
    }

    /// <summary>Sends a request, and returns how its span is found.</summary>
    private static async Task<Func<Activity, bool>> PostAsync(WebApplication app, string path)
    {
        Activity.Current = null;
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        using var response = await http.PostAsync(path, null, Token);
        Assert.True(response.IsSuccessStatusCode);
        var id = await response.Content.ReadAsStringAsync(Token);
        return span => span.Id == id;
    }

    private async Task<WebApplication> StartAsync(GlueWorld? world = null)
    {
        await using (var nats = await servers.Nats.ConnectAsync())
            await new NatsJSContext(nats).CreateOrUpdateStreamAsync(new StreamConfig("AGENT_RUNS", ["agent.run.requested"]) { MaxAge = TimeSpan.FromDays(1) }, Token);
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Development" });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration["ConnectionStrings:nats"] = servers.Nats.Url;
        builder.Configuration["ConnectionStrings:redis"] = servers.Redis.ConnectionString;
        world ??= new();
        GlueHost.AddSaga(builder.Services.AddTopologyResilience(builder.Configuration), builder.Configuration, world)
            .UseRedis()
            .UseNats()
            .AddSaga(s_definition);
        GlueHost.LoseEntries(builder.Services, world);
        builder.Services.AddSingleton<Handler.Mood>();
        builder.Services.AddGuardedConsumer<Handler>("orchestrator", options => options.Stream = "AGENT_RUNS");
        builder.Services.AddDeadLetterProcessor<Parking>(Letters);
        builder.Services.Configure<DeadLetterOptions>(options => options.ProcessLetters = true);
        builder.Services.AddSourceRedriveTarget(Letters);
        builder.Services.Configure<Health.HealthOptions>(health => health.DrainDelay = TimeSpan.Zero); // nobody sends work here
        builder.Services.ConfigureAll<DeadLetterQueueOptions>(queue => queue.MaxBytes = 1 << 20);
        builder.Services.Configure<JetStreamDeadLetterOptions>(options => options.MaxMarkBytes = 1 << 20);
        var app = builder.Build();
        app.MapPost("/runs/{run}", async (string run, INatsConnection nats) =>
        {
            await TelemetryExamples.PublishAsync(new NatsJSContext(nats), run);
            return Activity.Current!.Id;
        });
        app.MapPost("/redrives/{queue}", async (string queue, IDeadLetterRedrive redrive) =>
        {
            Assert.Equal(1, (await redrive.RunAsync(new(new DeadLetterQuery(queue)))).Redriven);
            return Activity.Current!.Id;
        });
        await app.StartAsync(Token);
        return app;
    }

    private sealed class Handler(ISagaClient sagas, Handler.Mood mood) : IWorkHandler
    {
        public async ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
        {
            var run = System.Text.Encoding.UTF8.GetString(message.Body.Span);
            if (run.StartsWith("bad", StringComparison.Ordinal) && !mood.Takes.ContainsKey(run))
                return WorkVerdict.DeadLetter(DeadLetterReasons.Undecodable, new FormatException("not a run"));
            var definition = run.StartsWith("whole", StringComparison.Ordinal) ? GlueHost.Definition : s_definition;
            await sagas.StartRunAsync(definition, run, "input", message.RedriveCount, cancellationToken: cancellationToken);
            return WorkVerdict.Done;
        }

        internal sealed class Mood
        {
            public System.Collections.Concurrent.ConcurrentDictionary<string, bool> Takes { get; } = new();
        }
    }

    private sealed class Parking : IDeadLetterProcessor
    {
        public ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken) => ValueTask.FromResult(DeadLetterVerdict.Park("for a person"));
    }
}
