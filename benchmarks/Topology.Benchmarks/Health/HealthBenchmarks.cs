using System.Net;
using BenchmarkDotNet.Attributes;

namespace Topology.Benchmarks.Health;

public class HealthBenchmarks
{
    private const int Many = 100;

    private HealthBenchApp _ours = null!;
    private HealthBenchApp _stock = null!;
    private HealthBenchApp _oursSlow = null!;
    private HealthBenchApp _stockSlow = null!;

    [GlobalSetup]
    public void Setup()
    {
        _ours = HealthBenchApp.StartAsync(sampled: true).GetAwaiter().GetResult();
        _stock = HealthBenchApp.StartAsync(sampled: false).GetAwaiter().GetResult();
        _oursSlow = HealthBenchApp.StartAsync(sampled: true, slow: true).GetAwaiter().GetResult();
        _stockSlow = HealthBenchApp.StartAsync(sampled: false, slow: true).GetAwaiter().GetResult();
        foreach (var app in (HealthBenchApp[])[_ours, _oursSlow])
            SpinWait.SpinUntil(() => app.AskAsync().GetAwaiter().GetResult() == HttpStatusCode.OK);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (var app in (HealthBenchApp[])[_ours, _stock, _oursSlow, _stockSlow])
            app.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("probe_vs_stock")]
    public Task probe_vs_stock__ours() => RepeatAsync(_ours.InvokeAsync);

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("probe_vs_stock")]
    public Task probe_vs_stock__stock() => RepeatAsync(_stock.InvokeAsync);

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("http")]
    public Task http__ours() => RepeatAsync(_ours.AskAsync);

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("http")]
    public Task http__stock() => RepeatAsync(_stock.AskAsync);

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("http_1ms")]
    public Task http_1ms__ours() => RepeatAsync(_oursSlow.AskAsync);

    [Benchmark(OperationsPerInvoke = Many), BenchmarkCategory("http_1ms")]
    public Task http_1ms__stock() => RepeatAsync(_stockSlow.AskAsync);

    /// <summary>
    /// Awaits on the thread pool, as a server does. The stock endpoint ends on another thread; waiting for it with a blocked one would charge
    /// it for a wake-up that no server pays.
    /// </summary>
    private static Task RepeatAsync(Func<Task> probe) => Task.Run(async () =>
    {
        for (var i = 0; i < Many; i++)
            await probe();
    });
}
