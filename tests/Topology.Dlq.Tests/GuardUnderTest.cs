using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>Runs a guarded consumer over a work stream, in processes that are started anew whenever one has died.</summary>
internal sealed class GuardUnderTest : IAsyncDisposable
{
    private const string Queue = DeadLetterQueueNames.AgentRun;

    private readonly Func<WorkMessage, Process, ValueTask<WorkVerdict>> _handle;
    private (GuardedConsumer Consumer, WorkStream.WorkProcess Process)? _running;
    private int _processes;
    private WorkStream.WorkProcess? _still;

    public GuardUnderTest(Func<WorkMessage, Process, ValueTask<WorkVerdict>> handle, int? seed = null)
    {
        _handle = handle;
        House = new DeadLetterHouse(services =>
        {
            services.Configure<DeadLetterQueueOptions>(Queue, options => options.MaxBytes = 1 << 20);
            services.AddSingleton(Alerts);
            services.AddDeadLetterAlertSink<Sink>();
            services.AddSingleton<IHostApplicationLifetime>(Lifetime);
        });
        Stream = new WorkStream(House.Time, seed);
    }

    public GuardUnderTest(Func<WorkMessage, CancellationToken, ValueTask<WorkVerdict>> handle)
        : this((message, process) => handle(message, process.Stopping))
    {
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ConcurrentQueue<DeadLetterAlert> Alerts { get; } = new();

    public HostLifetime Lifetime { get; } = new();

    public DeadLetterHouse House { get; }

    public WorkStream Stream { get; }

    public Microsoft.Extensions.Time.Testing.FakeTimeProvider Time => House.Time;

    public IDeadLetterQueueProvider Provider => House.Provider;

    /// <summary>Gets or sets how the guard sees the queues.</summary>
    public Func<IDeadLetterQueueProvider, IDeadLetterQueueProvider> Queues { get; set; } = static provider => provider;

    public ConcurrentDictionary<string, int> Starts { get; } = new();

    public TimeSpan Step { get; set; } = TimeSpan.FromSeconds(1);

    public void Add(string body, NATS.Client.Core.NatsHeaders? headers = null) => Stream.Add(Encoding.UTF8.GetBytes(body), headers);

    public async Task<List<DeadLetter>> LettersAsync() => await House.Store.QueryAsync(new(Queue), Token).ToListAsync(Token);

    public async Task RunAsync(Func<bool> until, bool stop = true, Func<Task>? eachStep = null)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!until())
        {
            Assert.True(
                TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(40),
                $"It did not happen within 40 s: {Stream.Left} left, {string.Join(",", Starts.Where(start => start.Value > 1))}.");
            if (_running is null || _running.Value.Process.IsDead)
                await StartAsync();
            await Task.Delay(1, Token);
            Time.Advance(Step);
            if (eachStep is not null)
                await eachStep();
        }

        if (stop)
            await StopAsync();
    }

    /// <summary>Stops the process where it is (SIGSTOP); another is started.</summary>
    public void StandStill()
    {
        _still = _running!.Value.Process;
        _still.StandStill();
        _running = null;
    }

    /// <summary>Makes the client of the running process hang, whatever token it is given.</summary>
    public void Hang(Task until) => _running!.Value.Process.Hanging = until;

    public void GoOn() => _still!.GoOn();

    /// <summary>Stops the running process, dead or alive, as a host does that waits without end.</summary>
    public async Task StopPatientlyAsync()
    {
        var consumer = _running!.Value.Consumer;
        _running = null;
        var stopping = consumer.StopAsync(CancellationToken.None);
        await Until.True(
            () =>
            {
                Time.Advance(TimeSpan.FromSeconds(5));
                return stopping.IsCompleted;
            },
            cancellationToken: Token);
        consumer.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await House.DisposeAsync();
    }

    private async Task StartAsync()
    {
        var process = Stream.Open();
        var number = ++_processes;
        var provider = new MortalProvider(Queues(House.Provider), process);
        var consumer = GuardedConsumer.Create(
            House.Services,
            "worker",
            new GuardedConsumerOptions { Stream = "STREAM", Queue = Queue },
            process,
            provider,
            _ => new Handler(this, number, process));
        _running = (consumer, process);
        await consumer.StartAsync(Token);
    }

    private async Task StopAsync()
    {
        if (_running is not { } running)
            return;
        _running = null;
        if (running.Process.IsDead)
            return;
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await running.Consumer.StopAsync(now.Token).WaitAsync(TimeSpan.FromSeconds(20), Token);
        running.Consumer.Dispose();
    }

    private sealed class Sink(ConcurrentQueue<DeadLetterAlert> alerts) : IDeadLetterAlertSink
    {
        public string Name => "sink";

        public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
        {
            alerts.Enqueue(alert);
            return default;
        }
    }

    private sealed class Handler(GuardUnderTest guard, int number, WorkStream.WorkProcess process) : IWorkHandler
    {
        public async ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
        {
            if (process.IsDead)
                await Task.Delay(Timeout.Infinite, CancellationToken.None);
            guard.Starts.AddOrUpdate(Encoding.UTF8.GetString(message.Body.Span), 1, (_, starts) => starts + 1);
            return await guard._handle(message, new Process(number, process, cancellationToken));
        }
    }

    internal sealed class Process(int number, WorkStream.WorkProcess process, CancellationToken stopping)
    {
        public CancellationToken Stopping => stopping;

        public int Number => number;

        public void Die() => process.Die();
    }

    internal sealed class HostLifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => _stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => _stopping.Cancel();

        public void Dispose() => _stopping.Dispose();
    }
}
