using System.Diagnostics;

namespace Topology.Dlq.Internal;

/// <summary>The spans of this package, and the trace context that messages and letters carry from one to the next.</summary>
/// <remarks>
/// A span's parent is what caused it: a message the handling of it, a letter its processing, whoever redrives the second handling. Where
/// that is not the trace in which the message began, the span is linked to it.
/// </remarks>
internal static class DeadLetterTracing
{
    public const string TraceParent = "traceparent";
    public const string TraceState = "tracestate";

    /// <summary>The context a redriven message had when it died.</summary>
    public const string Origin = "Dlq-Origin-Traceparent";

    private static readonly ActivitySource s_source = new("Topology.Dlq");

    /// <summary>One try of a guarded handler.</summary>
    public static Activity? Handle(string consumer, IWorkDelivery delivery, int attempt)
    {
        // The loops that take messages may have something current: that caused nothing here.
        Activity.Current = null;
        if (!s_source.HasListeners())
            return null;
        var headers = delivery.Headers;
        var parent = Parse(LetterCodec.Find(headers, TraceParent), LetterCodec.Find(headers, TraceState));
        var span = Start($"work.handle {consumer}", parent, Parse(LetterCodec.Find(headers, Origin), null));
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("messaging.destination.name", delivery.Subject);
            span.SetTag("messaging.consumer.group.name", consumer);
            span.SetTag("topology.attempt", attempt);
        }

        return span;
    }

    /// <summary>A letter is being stored.</summary>
    public static Activity? Publish(DeadLetter letter) => !s_source.HasListeners() ? null : Tag(s_source.StartActivity($"dlq.publish {letter.Queue}", ActivityKind.Producer), letter);

    /// <summary>One start of a queue's processor.</summary>
    public static Activity? Process(DeadLetter letter, int attempt) =>
        Tag(Start($"dlq.process {letter.Queue}", ContextOf(letter), null), letter)?.SetTag("topology.attempt", attempt);

    /// <summary>A letter is handed to its redrive target: the work of whoever asked for it, linked to the failure it is about.</summary>
    public static Activity? Redrive(DeadLetter letter) => !s_source.HasListeners() ? null : Tag(
        s_source.StartActivity(
            ActivityKind.Producer, name: $"dlq.redrive {letter.Queue}", links: ContextOf(letter) is { } failed ? [new(failed)] : null),
        letter);

    public static void Fail(Activity? span, Exception? error, string? reason = null)
    {
        span?.SetTag("error.type", error?.GetType().FullName ?? reason);
        span?.SetStatus(ActivityStatusCode.Error);
    }

    /// <summary>Returns headers that carry the present context; unchanged when there is none.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Stamp(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C, Id: { } id } span)
            return headers;
        var stamped = headers.Where(header => !Is(header.Key, TraceParent) && !Is(header.Key, TraceState)).ToList();
        stamped.Add(new(TraceParent, id));
        if (!string.IsNullOrEmpty(span.TraceStateString))
            stamped.Add(new(TraceState, span.TraceStateString));
        return stamped;

        static bool Is(string name, string other) => name.Equals(other, StringComparison.OrdinalIgnoreCase);
    }

    private static Activity? Start(string name, ActivityContext? parent, ActivityContext? link)
    {
        // The loops that take messages inherit whatever was current when the host started: that caused nothing here.
        Activity.Current = null;
        return s_source.StartActivity(ActivityKind.Consumer, parent ?? default, links: link is { } linked ? [new(linked)] : null, name: name);
    }

    private static Activity? Tag(Activity? span, DeadLetter letter)
    {
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("messaging.destination.name", letter.Queue);
            span.SetTag("topology.letter.id", letter.Id);
            span.SetTag("topology.letter.reason", letter.Reason);
        }

        return span;
    }

    private static ActivityContext? ContextOf(DeadLetter letter) => Parse(letter.FindHeader(TraceParent), letter.FindHeader(TraceState));

    private static ActivityContext? Parse(string? traceParent, string? traceState) =>
        ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var context) ? context : null;
}
