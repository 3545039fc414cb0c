using System.Threading.Tasks.Sources;
using Polly;

namespace Topology.Benchmarks.Retry;

/// <summary>A pending call that the benchmark completes itself: no thread pool, no bytes of its own.</summary>
public sealed class CompletableSource : IValueTaskSource<int>
{
    public static readonly Func<CompletableSource, CancellationToken, ValueTask<int>> Wait = static (source, _) => source.Start();

    public static readonly Func<ResilienceContext, CompletableSource, ValueTask<Outcome<int>>> WaitOutcome =
        static async (_, source) => Outcome.FromResult(await source.Start());

    private ManualResetValueTaskSourceCore<int> _core;

    public void Complete(int result) => _core.SetResult(result);

    public int GetResult(short token) => _core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private ValueTask<int> Start()
    {
        _core.Reset();
        return new ValueTask<int>(this, _core.Version);
    }
}
