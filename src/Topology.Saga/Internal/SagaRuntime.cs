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
}
