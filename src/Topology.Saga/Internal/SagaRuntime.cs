using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>Everything a run needs that is not the saga's own. One per container.</summary>
internal sealed class SagaRuntime(
    SagaWriter writer,
    ISagaJournal journal,
    ISagaInbox inbox,
    ISagaDispatcher dispatcher,
    ISagaEffectGuard guard,
    ISagaLetterSink letters,
    SagaRegistry registry,
    SagaSignals signals,
    SagaMetrics metrics,
    IRetryPolicies retries,
    IServiceScopeFactory scopes,
    TimeProvider time,
    IOptions<SagaOptions> options,
    ILogger<SagaRun> logger)
{
    private const int MostIdle = 256;
    private readonly ConcurrentQueue<SagaTries> _idle = new();

    public SagaWriter Writer => writer;

    public ISagaJournal Journal => journal;

    public ISagaInbox Inbox => inbox;

    public ISagaDispatcher Dispatcher => dispatcher;

    public ISagaEffectGuard Guard => guard;

    public ISagaLetterSink Letters => letters;

    public SagaRegistry Registry => registry;

    public SagaSignals Signals => signals;

    public SagaMetrics Metrics => metrics;

    public IRetryPolicies Retries => retries;

    public IServiceScopeFactory Scopes => scopes;

    public TimeProvider Time => time;

    public SagaOptions Options { get; } = options.Value;

    public ILogger<SagaRun> Logger => logger;

    public SagaTries Rent(SagaRun run, CancellationToken stopping)
    {
        var tries = _idle.TryDequeue(out var idle) ? idle : new SagaTries(this);
        tries.Begin(run, stopping);
        return tries;
    }

    public void Return(SagaTries tries)
    {
        if (tries.End() && _idle.Count < MostIdle)
        {
            _idle.Enqueue(tries);
        }
        else
        {
            tries.Dispose();
        }
    }
}
