using System.Diagnostics;
using NATS.Client.Core;
using Topology.Dlq.Internal;

namespace Topology.Dlq;

/// <summary>Carries a trace over a work stream.</summary>
public static class WorkTraceExtensions
{
    /// <summary>Writes the present trace context into the headers of a message that is about to be published.</summary>
    /// <param name="headers">The headers.</param>
    /// <returns><paramref name="headers"/>; unchanged when nothing is being traced.</returns>
    /// <remarks>
    /// <c>traceparent</c> and <c>tracestate</c> of W3C Trace Context. A guarded consumer's handler, what it starts, and the message's
    /// letter are then in the publisher's trace.
    /// </remarks>
    public static NatsHeaders WithTraceContext(this NatsHeaders headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } id } span)
        {
            headers[DeadLetterTracing.TraceParent] = id;
            headers.Remove(DeadLetterTracing.TraceState);
            if (!string.IsNullOrEmpty(span.TraceStateString))
                headers[DeadLetterTracing.TraceState] = span.TraceStateString;
        }

        return headers;
    }
}
