using System.Collections.ObjectModel;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Topology.Resilience.Tests.Telemetry;

/// <summary>What OpenTelemetry exports of the packages while this lives. Other tests' spans are among them: begin at one of your own.</summary>
internal sealed class Spans : Collection<Activity>, IDisposable
{
    private static readonly ActivitySource _source = new("Topology.Resilience.Tests");
    private readonly Lock _lock = new();
    private readonly TracerProvider _provider;

    public Spans() => _provider = Sdk.CreateTracerProviderBuilder()
        .AddTopologyInstrumentation()
        .AddSource("Microsoft.AspNetCore") // the framework's own span of a request
        .AddInMemoryExporter(this)
        .Build();

    /// <summary>Does something as the root of a trace of its own.</summary>
    public static async Task<ActivityContext> RootAsync(string name, Func<Task> act)
    {
        Activity.Current = null;
        using var span = _source.StartActivity(name)!;
        await act();
        return span.Context;
    }

    public Activity[] All()
    {
        lock (_lock)
            return [.. this];
    }

    public Activity[] In(ActivityTraceId trace) => [.. All().Where(span => span.TraceId == trace)];

    /// <summary>Waits for a span, which is told when it has ended.</summary>
    public Task<Activity> UntilAsync(Func<Activity, bool> wanted, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(wanted))] string text = "") =>
        Until.Value(() => All().First(wanted), static _ => true, cancellationToken: TestContext.Current.CancellationToken, text: text);

    public void Dispose() => _provider.Dispose();

    protected override void InsertItem(int index, Activity item)
    {
        lock (_lock)
            base.InsertItem(Count, item);
    }
}
