using System.Diagnostics.Metrics;
using System.Threading.Tasks.Sources;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Polly;
using Polly.Retry;
using Polly.Telemetry;
using Topology.Retry;

namespace Topology.Benchmarks.Retry;

/// <summary>
/// The same callee, handed to a raw call, to ours and to Polly's two ways: the typed pipeline with a state, and the outcome API with a
/// pooled context. No waits, four calls at most.
/// </summary>
public class RetryBenchmarks
{
    private const int PerThread = 100_000;

    private static readonly Func<Exception, RetryVerdict> OnlyInvalidOperation =
        static error => error is InvalidOperationException ? RetryVerdict.Retry : RetryVerdict.Stop;

    private static readonly Func<int, RetryVerdict> RefuseMinusOne = static result => result == -1 ? RetryVerdict.Retry : default;

    private readonly RetryPolicy _ours = new(Profile());
    private readonly RetryPolicy _oursWithBudget = new(Profile("shared"), budget: new RetryBudget(new RetryBudgetOptions()));
    private readonly ResiliencePipeline<int> _polly = Pipeline(telemetry: false);
    private readonly Callee _callee = new();
    private readonly CompletableSource _source = new();
    private RetryPolicy _oursListened = null!;
    private ResiliencePipeline<int> _pollyListened = null!;
    private MeterListener? _listener;

    [GlobalSetup(Targets = [nameof(success_sync_listeners_on__ours), nameof(success_sync_listeners_on__Polly), nameof(success_sync_listeners_on__Polly_Outcome)])]
    public void Listen()
    {
        _listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name is RetryMetrics.MeterName or "Polly")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        _listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        _listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
        _listener.SetMeasurementEventCallback<int>(static (_, _, _, _) => { });
        _listener.Start();
        var factory = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        _oursListened = new RetryPolicy(Profile(), logger: NullLogger.Instance, metrics: new RetryMetrics(factory));
        _pollyListened = Pipeline(telemetry: true);
    }

    [GlobalCleanup]
    public void Cleanup() => _listener?.Dispose();

    [BenchmarkCategory("success_sync"), Benchmark]
    public ValueTask<int> success_sync__raw() => Callee.Succeed(_callee, default);

    [BenchmarkCategory("success_sync"), Benchmark]
    public ValueTask<int> success_sync__ours() => _ours.ExecuteAsync(_callee, Callee.Succeed);

    [BenchmarkCategory("success_sync"), Benchmark]
    public ValueTask<int> success_sync__Polly() => _polly.ExecuteAsync(Callee.Succeed, _callee);

    [BenchmarkCategory("success_sync"), Benchmark]
    public int success_sync__Polly_Outcome() => Outcome(_polly, Callee.SucceedOutcome);

    [BenchmarkCategory("success_async"), Benchmark]
    public int success_async__ours()
    {
        var call = _ours.ExecuteAsync(_source, CompletableSource.Wait);
        _source.Complete(42);
        return call.GetAwaiter().GetResult();
    }

    [BenchmarkCategory("success_async"), Benchmark]
    public int success_async__Polly()
    {
        var call = _polly.ExecuteAsync(CompletableSource.Wait, _source);
        _source.Complete(42);
        return call.GetAwaiter().GetResult();
    }

    [BenchmarkCategory("success_async"), Benchmark]
    public int success_async__Polly_Outcome()
    {
        var context = ResilienceContextPool.Shared.Get();
        var call = _polly.ExecuteOutcomeAsync(CompletableSource.WaitOutcome, context, _source);
        _source.Complete(42);
        var result = call.GetAwaiter().GetResult().Result;
        ResilienceContextPool.Shared.Return(context);
        return result;
    }

    [BenchmarkCategory("result_retry_once"), Benchmark]
    public ValueTask<int> result_retry_once__ours() => _ours.ExecuteAsync(_callee, Callee.MinusOneOnce, RefuseMinusOne);

    [BenchmarkCategory("result_retry_once"), Benchmark]
    public ValueTask<int> result_retry_once__Polly() => _polly.ExecuteAsync(Callee.MinusOneOnce, _callee);

    [BenchmarkCategory("result_retry_once"), Benchmark]
    public int result_retry_once__Polly_Outcome() => Outcome(_polly, Callee.MinusOneOnceOutcome);

    [BenchmarkCategory("faulted_task_once"), Benchmark]
    public ValueTask<int> faulted_task_once__ours() => _ours.ExecuteAsync(_callee, Callee.FaultedOnce);

    [BenchmarkCategory("faulted_task_once"), Benchmark]
    public ValueTask<int> faulted_task_once__Polly() => _polly.ExecuteAsync(Callee.FaultedOnce, _callee);

    [BenchmarkCategory("faulted_task_once"), Benchmark]
    public int faulted_task_once__Polly_Outcome() => Outcome(_polly, Callee.FaultedOnceOutcome);

    [BenchmarkCategory("async_throw_once"), Benchmark]
    public ValueTask<int> async_throw_once__ours() => _ours.ExecuteAsync(_callee, Callee.ThrowAsyncOnce);

    [BenchmarkCategory("async_throw_once"), Benchmark]
    public ValueTask<int> async_throw_once__Polly() => _polly.ExecuteAsync(Callee.ThrowAsyncOnce, _callee);

    [BenchmarkCategory("async_throw_once"), Benchmark]
    public int async_throw_once__Polly_Outcome() => Outcome(_polly, Callee.ThrowAsyncOnceOutcome);

    [BenchmarkCategory("sync_throw_once"), Benchmark]
    public ValueTask<int> sync_throw_once__ours() => _ours.ExecuteAsync(_callee, Callee.ThrowOnce);

    [BenchmarkCategory("sync_throw_once"), Benchmark]
    public ValueTask<int> sync_throw_once__Polly() => _polly.ExecuteAsync(Callee.ThrowOnce, _callee);

    [BenchmarkCategory("sync_throw_once"), Benchmark]
    public int sync_throw_once__Polly_Outcome() => Outcome(_polly, Callee.ThrowOnceOutcome);

    [BenchmarkCategory("exhausted_4"), Benchmark]
    public async Task<int> exhausted_4__ours()
    {
        try
        {
            return await _ours.ExecuteAsync(_callee, Callee.AlwaysThrowAsync);
        }
        catch (InvalidOperationException)
        {
            return -1;
        }
    }

    [BenchmarkCategory("exhausted_4"), Benchmark]
    public async Task<int> exhausted_4__Polly()
    {
        try
        {
            return await _polly.ExecuteAsync(Callee.AlwaysThrowAsync, _callee);
        }
        catch (InvalidOperationException)
        {
            return -1;
        }
    }

    [BenchmarkCategory("threads_with_budget"), Benchmark(OperationsPerInvoke = PerThread)]
    public void threads_with_budget__ours() => OnAllCores(() =>
    {
        for (var i = 0; i < PerThread; i++)
        {
            _oursWithBudget.ExecuteAsync(_callee, Callee.Succeed).GetAwaiter().GetResult();
        }
    });

    [BenchmarkCategory("threads_with_budget"), Benchmark(OperationsPerInvoke = PerThread)]
    public void threads_with_budget__Polly() => OnAllCores(() =>
    {
        for (var i = 0; i < PerThread; i++)
        {
            _polly.ExecuteAsync(Callee.Succeed, _callee).GetAwaiter().GetResult();
        }
    });

    [BenchmarkCategory("threads_with_budget"), Benchmark(OperationsPerInvoke = PerThread)]
    public void threads_with_budget__Polly_Outcome() => OnAllCores(() =>
    {
        for (var i = 0; i < PerThread; i++)
        {
            Outcome(_polly, Callee.SucceedOutcome);
        }
    });

    [BenchmarkCategory("success_sync_listeners_on"), Benchmark]
    public ValueTask<int> success_sync_listeners_on__ours() => _oursListened.ExecuteAsync(_callee, Callee.Succeed);

    [BenchmarkCategory("success_sync_listeners_on"), Benchmark]
    public ValueTask<int> success_sync_listeners_on__Polly() => _pollyListened.ExecuteAsync(Callee.Succeed, _callee);

    [BenchmarkCategory("success_sync_listeners_on"), Benchmark]
    public int success_sync_listeners_on__Polly_Outcome() => Outcome(_pollyListened, Callee.SucceedOutcome);

    private static RetryProfileOptions Profile(string? budget = null) => new()
    {
        MaxAttempts = 4,
        BaseDelay = TimeSpan.Zero,
        Classify = OnlyInvalidOperation,
        Budget = budget,
    };

    private static ResiliencePipeline<int> Pipeline(bool telemetry)
    {
        var builder = new ResiliencePipelineBuilder<int>().AddRetry(new RetryStrategyOptions<int>
        {
            MaxRetryAttempts = 3,
            Delay = TimeSpan.Zero,
            ShouldHandle = static arguments => new ValueTask<bool>(arguments.Outcome switch
            {
                { Exception: InvalidOperationException } => true,
                { Exception: null, Result: -1 } => true,
                _ => false,
            }),
        });
        if (telemetry)
        {
            builder.ConfigureTelemetry(new TelemetryOptions { LoggerFactory = NullLoggerFactory.Instance });
        }

        return builder.Build();
    }

    private static void OnAllCores(Action work)
    {
        var others = Enumerable.Range(1, Environment.ProcessorCount - 1).Select(_ => new Thread(() => work())).ToList();
        others.ForEach(thread => thread.Start());
        work();
        others.ForEach(thread => thread.Join());
    }

    private int Outcome(ResiliencePipeline<int> pipeline, Func<ResilienceContext, Callee, ValueTask<Outcome<int>>> callback)
    {
        var context = ResilienceContextPool.Shared.Get();
        var result = pipeline.ExecuteOutcomeAsync(callback, context, _callee).GetAwaiter().GetResult().Result;
        ResilienceContextPool.Shared.Return(context);
        return result;
    }
}
