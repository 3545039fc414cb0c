using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

internal sealed class LogAlertSink(ILogger<LogAlertSink> logger) : IDeadLetterAlertSink
{
    public string Name => "log";

    public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
    {
        Log.Alert(logger, alert.Queue, alert.Id, alert.Reason, alert.ErrorType, alert.Subject, alert.FailedAt);
        return ValueTask.CompletedTask;
    }
}
