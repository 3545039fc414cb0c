using Polly;

namespace Topology.Benchmarks.Retry;

/// <summary>What is called. Each failing form fails on every second call, so one execution is one failure and one success.</summary>
public sealed class Callee
{
    public static readonly Func<Callee, CancellationToken, ValueTask<int>> Succeed = static (_, _) => new(42);

    public static readonly Func<Callee, CancellationToken, ValueTask<int>> MinusOneOnce =
        static (callee, _) => new((++callee._calls & 1) == 1 ? -1 : 42);

    public static readonly Func<Callee, CancellationToken, ValueTask<int>> FaultedOnce =
        static (callee, _) => (++callee._calls & 1) == 1 ? new(Task.FromException<int>(new InvalidOperationException("test"))) : new(42);

    public static readonly Func<Callee, CancellationToken, ValueTask<int>> ThrowOnce =
        static (callee, _) => (++callee._calls & 1) == 1 ? throw new InvalidOperationException("test") : new(42);

    public static readonly Func<Callee, CancellationToken, ValueTask<int>> ThrowAsyncOnce = static async (callee, _) =>
    {
        await Task.CompletedTask;
        return (++callee._calls & 1) == 1 ? throw new InvalidOperationException("test") : 42;
    };

    public static readonly Func<Callee, CancellationToken, ValueTask<int>> AlwaysThrowAsync = static async (_, _) =>
    {
        await Task.CompletedTask;
        throw new InvalidOperationException("test");
    };

    public static readonly Func<ResilienceContext, Callee, ValueTask<Outcome<int>>> SucceedOutcome = static (_, _) => new(Outcome.FromResult(42));

    public static readonly Func<ResilienceContext, Callee, ValueTask<Outcome<int>>> MinusOneOnceOutcome =
        static (_, callee) => new(Outcome.FromResult((++callee._calls & 1) == 1 ? -1 : 42));

    public static readonly Func<ResilienceContext, Callee, ValueTask<Outcome<int>>> FaultedOnceOutcome = static (_, callee) => Adapt(FaultedOnce, callee);

    public static readonly Func<ResilienceContext, Callee, ValueTask<Outcome<int>>> ThrowOnceOutcome = static (_, callee) => Adapt(ThrowOnce, callee);

    public static readonly Func<ResilienceContext, Callee, ValueTask<Outcome<int>>> ThrowAsyncOnceOutcome = static (_, callee) => Adapt(ThrowAsyncOnce, callee);

    private int _calls;

    /// <summary>The adapter that Polly's outcome API asks its users to write.</summary>
    private static async ValueTask<Outcome<int>> Adapt(Func<Callee, CancellationToken, ValueTask<int>> callback, Callee callee)
    {
        try
        {
            return Outcome.FromResult(await callback(callee, default));
        }
        catch (Exception exception)
        {
            return Outcome.FromException<int>(exception);
        }
    }
}
