using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Topology.Dlq.Internal;

/// <summary>The instruments of the meter <c>Topology.Dlq</c>. Without a factory there are none.</summary>
internal sealed class DeadLetterMetrics
{
    private readonly ConcurrentDictionary<string, DeadLetterQueueSample> _samples = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Func<TimeSpan>> _pulls = new(StringComparer.Ordinal);
    private readonly Counter<long>? _published;
    private readonly Counter<long>? _processed;
    private readonly Counter<long>? _redriven;
    private readonly Counter<long>? _handled;
    private readonly Counter<long>? _publishFailed;
    private readonly Counter<long>? _alertFailed;

    public DeadLetterMetrics(TimeProvider time, IMeterFactory? factory)
    {
        if (factory is null)
            return;
        var meter = factory.Create("Topology.Dlq");
        _published = meter.CreateCounter<long>("dlq_messages_total", description: "Total messages sent to DLQ");
        meter.CreateObservableGauge(
            "queue_depth",
            () => _samples.Select(sample => new Measurement<long>(sample.Value.Letters, Tag("queue", sample.Key))),
            description: "Current queue depth for autoscaling");
        meter.CreateObservableGauge(
            "topology.dlq.oldest_age",
            () => _samples.Select(sample => new Measurement<double>(
                sample.Value.OldestAt is { } at ? Math.Max(0, (time.GetUtcNow() - at).TotalSeconds) : 0, Tag("queue", sample.Key))),
            unit: "s",
            description: "Age of the oldest letter of a queue");
        meter.CreateObservableGauge(
            "topology.dlq.since_pull",
            () => _pulls.Select(pull => new Measurement<double>(pull.Value().TotalSeconds, Tag("consumer", pull.Key))),
            unit: "s",
            description: "Time since a guarded consumer last asked for messages");
        _processed = meter.CreateCounter<long>("topology.dlq.processed", unit: "{letter}", description: "Verdicts of dead-letter processors");
        _handled = meter.CreateCounter<long>("topology.dlq.handled", unit: "{message}", description: "Verdicts of guarded consumers");
        _publishFailed = meter.CreateCounter<long>(
            "topology.dlq.publish_failures", unit: "{letter}", description: "Letters that a queue did not take; the original stays");
        _alertFailed = meter.CreateCounter<long>("topology.dlq.alert_failures", unit: "{alert}", description: "Alerts that a sink did not take");
        _redriven = meter.CreateCounter<long>("topology.dlq.redrives", unit: "{letter}", description: "Letters handed to a redrive target");
    }

    /// <summary>Sets what the gauges show, or with <see langword="null"/> takes a queue off them.</summary>
    public void Sampled(string queue, DeadLetterQueueSample? sample)
    {
        if (sample is { } value)
            _samples[queue] = value;
        else
            _samples.TryRemove(queue, out _);
    }

    /// <summary>Shows how long ago a guarded consumer asked for messages: a loop that hangs shows here first.</summary>
    public void Watch(string consumer, Func<TimeSpan> sincePull) => _pulls[consumer] = sincePull;

    public DeadLetterQueueSample? LastSample(string queue) => _samples.TryGetValue(queue, out var sample) ? sample : null;

    public void Published(string queue, string reason)
    {
        if (_published?.Enabled == true)
            _published.Add(1, Tag("queue", queue), Tag("reason", DeadLetterReasons.Tag(reason)));
    }

    public void Processed(string queue, DeadLetterVerdictKind verdict)
    {
        if (_processed?.Enabled == true)
            _processed.Add(1, Tag("queue", queue), Tag("verdict", verdict.ToString()));
    }

    public void Handled(string consumer, WorkVerdictKind verdict)
    {
        if (_handled?.Enabled == true)
            _handled.Add(1, Tag("consumer", consumer), Tag("verdict", verdict.ToString()));
    }

    public void AlertFailed(string queue)
    {
        if (_alertFailed?.Enabled == true)
            _alertFailed.Add(1, Tag("queue", queue));
    }

    public void PublishFailed(string queue)
    {
        if (_publishFailed?.Enabled == true)
            _publishFailed.Add(1, Tag("queue", queue));
    }

    public void Redriven(string queue, string outcome)
    {
        if (_redriven?.Enabled == true)
            _redriven.Add(1, Tag("queue", queue), Tag("outcome", outcome));
    }

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
