using System.Diagnostics;

namespace Topology.Saga.Internal;

/// <summary>One span per slice of a saga's run, one per try. A slice is linked to whoever started the saga, over any number of owners.</summary>
internal static class SagaTracing
{
    private static readonly ActivitySource _source = new("Topology.Saga");

    public static Activity? Run(ISagaLease lease, SagaDefinition definition)
    {
        var span = _source.HasListeners() ? _source.StartActivity($"saga {definition.Name}", ActivityKind.Consumer, parentContext: default) : null;
        span?.SetTag("saga.id", lease.SagaId.Value);
        return span;
    }

    public static Activity? Try(SagaTry @try)
    {
        var span = _source.HasListeners() ? _source.StartActivity($"{(@try.Key.Undo ? "saga.compensate" : "saga.step")} {@try.Step.Id}") : null;
        span?.SetTag("saga.attempt", @try.Attempt);
        return span;
    }

    /// <summary>Ties the present slice to the trace in which the saga was started.</summary>
    public static void Link(string? traceParent)
    {
        if (Activity.Current is { Source.Name: "Topology.Saga" } span && ActivityContext.TryParse(traceParent, null, isRemote: true, out var context))
        {
            span.AddLink(new ActivityLink(context));
        }
    }
}
