using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NATS.Client.Core;

namespace Topology.Dlq.Tests;

/// <summary>A guarded consumer on a real server, from its start to its end, with the queue it fails into.</summary>
internal sealed class GuardedRun : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly Func<WorkMessage, WorkVerdict> _handle;
    private int _starts;

    private GuardedRun(INatsConnection connection, string stream, string queue, Func<WorkMessage, WorkVerdict> handle, Action<IServiceCollection>? configure)
    {
        _handle = handle;
        Queue = queue;
        var services = new ServiceCollection()
            .AddSingleton(connection)
            .AddSingleton(this)
            .AddTopologyDlq(options =>
            {
                options.QueueNames.Clear();
                options.QueueNames.Add(queue);
                options.ProcessLetters = false;
            })
            .Configure<DeadLetterQueueOptions>(queue, options => options.MaxBytes = 1 << 20)
            .AddJetStreamDeadLetterQueues(options =>
            {
                options.Provision = DeadLetterProvisioning.Create;
                options.MaxMarkBytes = 1 << 20;
            })
            .AddGuardedConsumer<Handler>("worker", options =>
            {
                (options.Stream, options.Queue) = (stream, queue);
                options.AckWait = TimeSpan.FromSeconds(1);
                options.OutageThreshold = 10_000;
            })
            .AddSourceRedriveTarget(queue);
        configure?.Invoke(services);
        _services = services.BuildServiceProvider();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public string Queue { get; }

    public int Starts => Volatile.Read(ref _starts);

    public IServiceProvider Services => _services;

    public IDeadLetterQueueProvider Provider => _services.GetRequiredService<IDeadLetterQueueProvider>();

    public IDeadLetterRedrive Redrive => _services.GetRequiredService<IDeadLetterRedrive>();

    public static async Task<GuardedRun> StartAsync(
        INatsConnection connection, string stream, string queue, Func<WorkMessage, WorkVerdict> handle, Action<IServiceCollection>? configure = null, bool start = true)
    {
        var run = new GuardedRun(connection, stream, queue, handle, configure);
        if (start)
            await run.StartAsync();
        return run;
    }

    public async Task StartAsync()
    {
        foreach (var hosted in _services.GetServices<IHostedService>())
            await hosted.StartAsync(Token);
    }

    public async Task<List<DeadLetter>> LettersAsync() =>
        await _services.GetRequiredService<IDeadLetterStore>().QueryAsync(new(Queue), Token).ToListAsync(Token);

    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in _services.GetServices<IHostedService>())
            await hosted.StopAsync(new CancellationToken(canceled: true));
        await _services.DisposeAsync();
    }

    private sealed class Handler(GuardedRun run) : IWorkHandler
    {
        public ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref run._starts);
            return ValueTask.FromResult(run._handle(message));
        }
    }
}
