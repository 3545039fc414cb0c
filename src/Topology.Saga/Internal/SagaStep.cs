using System.Text.Json.Serialization.Metadata;

namespace Topology.Saga.Internal;

internal abstract class SagaStep(string id, SagaStepOptions options)
{
    public string Id { get; } = id;

    public SagaStepKind Kind { get; } = options.Kind;

    public TimeSpan Timeout { get; } = options.Timeout;

    public string RetryProfile { get; } = options.RetryProfile;

    public int? MaxAttempts { get; } = options.MaxAttempts;

    /// <summary>Null for a step without a result.</summary>
    public abstract Type? ResultType { get; }

    /// <summary>What is told of the step when nothing ever failed.</summary>
    public SagaStepSnapshot Completed { get; } = new(id, SagaStepStatus.Completed, null, null);

    /// <summary>Makes one try.</summary>
    public Func<SagaTry, CancellationToken, ValueTask<SagaValue?>> Effect => field ??= RunAsync;

    protected abstract ValueTask<SagaValue?> RunAsync(SagaTry @try, CancellationToken cancellationToken);
}

internal sealed class SagaStep<TInput>(
    string id, SagaStepOptions options, Func<SagaStepContext<TInput>, CancellationToken, ValueTask> run) : SagaStep(id, options)
{
    public override Type? ResultType => null;

    protected override ValueTask<SagaValue?> RunAsync(SagaTry @try, CancellationToken cancellationToken) =>
        @try.EndAsync(run(new SagaStepContext<TInput>(@try), cancellationToken));
}

internal sealed class SagaStep<TInput, TResult>(
    string id,
    SagaStepOptions options,
    Func<SagaStepContext<TInput>, CancellationToken, ValueTask<TResult>> run,
    JsonTypeInfo<TResult> json) : SagaStep(id, options), ISagaResultReader<TResult>
{
    public override Type ResultType => typeof(TResult);

    protected override ValueTask<SagaValue?> RunAsync(SagaTry @try, CancellationToken cancellationToken) =>
        @try.EndAsync(run(new SagaStepContext<TInput>(@try), cancellationToken), json);

    public TResult Read(SagaValue value) => value.Get(json);
}

/// <summary>A step that holds no worker: it ends by a signal or by the time.</summary>
internal abstract class SagaWaitStep(string id, TimeSpan time) : SagaStep(id, new() { Timeout = time })
{
    /// <summary>Null for a step that only lets time pass.</summary>
    public virtual string? Signal => null;

    public override Type? ResultType => null;

    protected override ValueTask<SagaValue?> RunAsync(SagaTry @try, CancellationToken cancellationToken) => throw new InvalidOperationException("A wait is not run.");
}

internal sealed class SagaDelayStep(string id, TimeSpan time) : SagaWaitStep(id, time);

internal sealed class SagaSignalStep<T>(string id, string signal, TimeSpan time, JsonTypeInfo<T> json) : SagaWaitStep(id, time), ISagaResultReader<T>, ISagaSignalType<T>
{
    public override string Signal => signal;

    public override Type ResultType => typeof(T);

    public JsonTypeInfo<T> Json => json;

    public T Read(SagaValue value) => value.Get(json);
}

internal interface ISagaSignalType<T>
{
    JsonTypeInfo<T> Json { get; }
}

internal interface ISagaResultReader<out TResult>
{
    TResult Read(SagaValue value);
}
