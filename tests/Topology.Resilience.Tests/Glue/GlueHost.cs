using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Topology.Dlq;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Tests.Glue;

/// <summary>What outlives a host of these tests: the participants, and what they were asked.</summary>
internal sealed class GlueWorld
{
    /// <summary>Gets the runs of each participant that succeeded, by <c>{saga}:{action}</c>.</summary>
    public ConcurrentQueue<string> Done { get; } = new();

    /// <summary>Gets what fails, by <c>{saga}:{action}</c>.</summary>
    public ConcurrentDictionary<string, Exception> Broken { get; } = new();

    public ConcurrentQueue<DeadLetterAlert> Alerts { get; } = new();

    /// <summary>Gets or sets which appends of journals get lost.</summary>
    public Func<SagaId, SagaEntry, bool> Loses { get; set; } = (_, _) => false;

    public ValueTask AskAsync(string subject, string action)
    {
        if (Broken.TryGetValue($"{subject}:{action}", out var failure))
            throw failure;
        Done.Enqueue($"{subject}:{action}");
        return default;
    }

    public int Runs(string subject, string action) => Done.Count(done => done == $"{subject}:{action}");
}

/// <summary>One process with the front door, on the stores it is given.</summary>
internal sealed class GlueHost : IAsyncDisposable
{
    public const string Letters = DeadLetterQueueNames.WorkflowCompensation;

    private readonly IHost _host;

    private GlueHost(IHost host, GlueWorld world, FakeTimeProvider? time) => (_host, World, Time) = (host, world, time);

    public static SagaDefinition<string> Definition { get; } = SagaDefinition.Create<string>("glue", TestJson.Default)
        .Step("pay", static async (context, _) => { await World_(context).AskAsync(context.SagaId.Value, "pay"); return "paid"; })
        .Step("ship", static async (context, _) => { await World_(context).AskAsync(context.SagaId.Value, "ship"); return "shipped"; })
        .WaitForSignal<string>("accept", "accepted", TimeSpan.FromDays(30))
        .Build();

    public GlueWorld World { get; }

    public FakeTimeProvider? Time { get; }

    public IServiceProvider Services => _host.Services;

    public ISagaClient Sagas => Get<ISagaClient>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<GlueHost> StartAsync(
        GlueWorld world, Action<ITopologyBuilder> useStores, FakeTimeProvider? time = null, Action<IServiceCollection>? more = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { EnvironmentName = "Development" });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        if (time is not null)
            builder.Services.AddSingleton<TimeProvider>(time);
        var topology = AddSaga(builder.Services.AddTopologyResilience(builder.Configuration), builder.Configuration, world)
            .AddAgentRunProcessor(Definition)
            .AddToolCallHandler<Tool>();
        useStores(topology);
        builder.Services.AddDeadLetterAlertSink<Sink>();
        builder.Services.Configure<Health.HealthOptions>(health => health.DrainDelay = TimeSpan.Zero); // nobody sends work here
        builder.Services.ConfigureAll<DeadLetterQueueOptions>(queue => queue.MaxBytes = 1 << 20);
        builder.Services.Configure<JetStreamDeadLetterOptions>(options => options.MaxMarkBytes = 1 << 20);
        more?.Invoke(builder.Services);
        LoseEntries(builder.Services, world);
        var host = builder.Build();
        await host.StartAsync(Token);
        return new(host, world, time);
    }

    /// <summary>Adds the saga of these tests, with its settings.</summary>
    public static ITopologyBuilder AddSaga(ITopologyBuilder topology, IConfigurationBuilder configuration, GlueWorld world)
    {
        configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Topology:retry_config:default:base_delay"] = "20ms",
            ["Topology:retry_config:default:max_delay"] = "100ms",
            ["Topology:retry_config:tool_calls:base_delay"] = "20ms",
            ["Topology:retry_config:tool_calls:max_delay"] = "100ms",
            ["Topology:saga_compensations:glue:steps:0:step_id"] = "pay",
            ["Topology:saga_compensations:glue:steps:0:compensation_action:type"] = "refund",
            ["Topology:saga_compensations:glue:steps:0:compensation_action:retry_count"] = "1",
        });
        topology.Services.AddSingleton(world);
        return topology.AddSaga(Definition).AddCompensation<Refund>("refund");
    }

    /// <summary>Puts <see cref="GlueWorld.Loses"/> before whichever journal the stores brought.</summary>
    public static void LoseEntries(IServiceCollection services, GlueWorld world)
    {
        var journal = services.Last(service => service.ServiceType == typeof(ISagaJournal));
        services.AddSingleton<ISagaJournal>(provider => new LosingJournal(
            (ISagaJournal)(journal.ImplementationFactory?.Invoke(provider) ?? journal.ImplementationInstance ?? ActivatorUtilities.CreateInstance(provider, journal.ImplementationType!)),
            world));
    }

    public T Get<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    public async Task<SagaId> StartSagaAsync(string name = "s") =>
        await Sagas.StartAsync(Definition, $"{name}-{Guid.NewGuid():N}", "input", cancellationToken: Token);

    /// <summary>Lets time pass until the saga is as wanted.</summary>
    public async Task<SagaSnapshot> UntilAsync(SagaId id, Func<SagaSnapshot, bool> wanted) =>
        (await Until.Value(() => LookAsync(async () => await Sagas.GetAsync(id, Token)), saga => saga is not null && wanted(saga), cancellationToken: Token))!;

    public Task<SagaSnapshot> UntilAsync(SagaId id, SagaStatus status) => UntilAsync(id, saga => saga.Status == status);

    public Task UntilAsync(Func<bool> condition, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string text = "") =>
        Until.Value(() => LookAsync(() => Task.FromResult(condition())), static met => met, cancellationToken: Token, text: text);

    public async Task<DeadLetter?> FindAsync(string queue, Func<DeadLetter, bool> wanted)
    {
        await foreach (var letter in Get<IDeadLetterStore>().QueryAsync(new DeadLetterQuery(queue), Token))
        {
            if (wanted(letter))
                return letter;
        }

        return null;
    }

    public async Task<DeadLetter> LetterOfAsync(SagaId id)
    {
        await UntilAsync(id, SagaStatus.CompensationFailed);
        return (await FindAsync(Letters, letter => letter.WorkflowId == id.ToString()))!;
    }

    public async Task<RedriveResult> RedriveAsync(DeadLetter letter) =>
        await Get<IDeadLetterRedrive>().RunAsync(new(new DeadLetterQuery(letter.Queue) { Id = letter.Id }), cancellationToken: Token);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }

    private static GlueWorld World_(SagaStepContext<string> context) => context.Services.GetRequiredService<GlueWorld>();

    private Task<T> LookAsync<T>(Func<Task<T>> read)
    {
        Time?.Advance(TimeSpan.FromMilliseconds(500));
        return read();
    }

    private sealed class Refund(GlueWorld world) : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken) => world.AskAsync(context.SagaId.Value, "refund");
    }

    internal sealed class Tool(GlueWorld world) : IToolCallHandler
    {
        public ValueTask CallAsync(DeadLetter letter, int attempt, CancellationToken cancellationToken) => world.AskAsync(letter.Subject, "call");
    }

    private sealed class Sink(GlueWorld world) : IDeadLetterAlertSink
    {
        public string Name => "test";

        public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
        {
            world.Alerts.Enqueue(alert);
            return default;
        }
    }

    private sealed class LosingJournal(ISagaJournal inner, GlueWorld world) : ISagaJournal
    {
        public ValueTask<SagaAppendResult> AppendAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
            world.Loses(id, entry) ? throw new SagaStoreException("lost on its way") : inner.AppendAsync(id, expectedVersion, entry, cancellationToken);

        public ValueTask<IReadOnlyList<SagaStoredEntry>> ReadAsync(SagaId id, long afterVersion, CancellationToken cancellationToken) =>
            inner.ReadAsync(id, afterVersion, cancellationToken);

        public ValueTask<DateTimeOffset> GetTimeAsync(CancellationToken cancellationToken) => inner.GetTimeAsync(cancellationToken);

        public ValueTask<SagaAppendResult> CompactAsync(SagaId id, long expectedVersion, SagaEntry entry, CancellationToken cancellationToken) =>
            inner.CompactAsync(id, expectedVersion, entry, cancellationToken);

        public ValueTask DeleteAsync(SagaId id, long expectedVersion, CancellationToken cancellationToken) => inner.DeleteAsync(id, expectedVersion, cancellationToken);

        public IAsyncEnumerable<SagaListed> ListAsync(string definition, CancellationToken cancellationToken) => inner.ListAsync(definition, cancellationToken);
    }
}
