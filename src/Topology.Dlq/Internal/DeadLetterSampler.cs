using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Topology.Dlq.Internal;

/// <summary>Counts each queue now and then, so that reading a gauge never calls a server.</summary>
internal sealed class DeadLetterSampler(
    IDeadLetterQueueProvider provider,
    DeadLetterQueues queues,
    IOptions<DeadLetterOptions> options,
    DeadLetterMetrics metrics,
    TimeProvider time,
    ILogger<DeadLetterSampler> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        var complaints = queues.Names.ToDictionary(name => name, _ => new Complaint(), StringComparer.Ordinal);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var queue in queues.Names)
            {
                var complaint = complaints[queue];
                try
                {
                    metrics.Sampled(queue, await provider.SampleAsync(queue, stoppingToken).ConfigureAwait(false));
                    complaint.Over();
                }
                catch (Exception error) when (!stoppingToken.IsCancellationRequested)
                {
                    // An old depth would look like a healthy one.
                    metrics.Sampled(queue, null);
                    var level = complaint.Level(LogLevel.Warning, error);
                    Log.SampleFailed(logger, level, error, queue);
                }
            }

            // Depth and age change without anybody telling: they are asked for at the interval that the options set.
            await Task.Delay(options.Value.SampleInterval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
