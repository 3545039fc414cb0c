using System.Diagnostics;

namespace Topology.Saga.Internal;

/// <summary>One span per slice of a saga's run, one per try.</summary>
/// <remarks>
/// A slice's parent is what caused it: the start, over any number of owners, until the saga waits or rests; then the message that made it
/// go on. A time that has come, and whatever was said while it ran, is no parent: every slice is linked to the start, if it has another
/// parent or none, and to the messages it takes.
/// </remarks>
internal static class SagaTracing
{
    private const string Source = "Topology.Saga";

    private static readonly ActivitySource s_source = new(Source);

    /// <summary>Gets the present trace context, to be kept with what is said or started.</summary>
    public static string? Current => Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } id } ? id : null;

    public static Activity? Run(SagaState state)
    {
        // The worker inherits whatever was current when the host started: that caused nothing here.
        if (Activity.Current is not null)
        {
            Activity.Current = null;
        }

        if (!s_source.HasListeners())
        {
            return null;
        }

        var links = state.TraceParent != state.Cause && Parse(state.TraceParent) is { } start ? new[] { new ActivityLink(start) } : null;
        var span = s_source.StartActivity(ActivityKind.Consumer, Parse(state.Cause) ?? default, links: links, name: $"saga {state.Definition.Name}");
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("saga.id", state.Id.Value);
            span.SetTag("saga.takeovers", state.Takeovers);
        }

        return span;
    }

    public static Activity? Try(SagaTry @try)
    {
        var span = !s_source.HasListeners() ? null : s_source.StartActivity($"{(@try.Key.Undo ? "saga.compensate" : "saga.step")} {@try.Step.Id}");
        span?.SetTag("saga.attempt", @try.Attempt);
        return span;
    }

    /// <summary>Ties the present slice to those who spoke to the saga.</summary>
    public static void Link(ReadOnlySpan<SagaEvent> news)
    {
        if (Activity.Current is not { Source.Name: Source } span)
        {
            return;
        }

        foreach (var taken in news)
        {
            if (taken is SagaEvent.MessageTaken { Message.TraceParent: { } said } && Parse(said) is { } context)
            {
                span.AddLink(new ActivityLink(context));
            }
        }
    }

    private static ActivityContext? Parse(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, isRemote: true, out var context) ? context : null;
}
