using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

internal static partial class Log
{
    [LoggerMessage(1300, LogLevel.Error, "Dead letter {Id} in {Queue}: {Reason}, {ErrorType} on {Subject}, failed at {FailedAt:o}.")]
    public static partial void Alert(
        ILogger logger, string queue, string id, string reason, string? errorType, string subject, DateTimeOffset failedAt);

    [LoggerMessage(1301, LogLevel.Warning, "The processor of {Queue} failed for letter {Id}, try {Attempt} of {MaxAttempts}.")]
    public static partial void ProcessorFailed(ILogger logger, Exception error, string queue, string id, int attempt, int maxAttempts);

    [LoggerMessage(1302, LogLevel.Warning, "Letter {Id} in {Queue} is parked: {Reason}.")]
    public static partial void Parked(ILogger logger, string queue, string id, string reason);

    [LoggerMessage(EventId = 1303, Message = "Processing {Queue} was interrupted; it starts again in {Delay}.")]
    public static partial void LoopFailed(ILogger logger, LogLevel level, Exception error, string queue, TimeSpan delay);

    [LoggerMessage(EventId = 1304, Message = "The depth of {Queue} could not be read.")]
    public static partial void SampleFailed(ILogger logger, LogLevel level, Exception error, string queue);

    [LoggerMessage(1305, LogLevel.Warning, "Letter {Id} in {Queue} could not be renewed; it may be processed twice.")]
    public static partial void RenewFailed(ILogger logger, Exception error, string queue, string id);

    [LoggerMessage(1306, LogLevel.Information, "Processing {Queue} as {Consumer} has started.")]
    public static partial void LoopStarted(ILogger logger, string queue, string consumer);

    [LoggerMessage(1307, LogLevel.Warning, "{Thing} of {Queue} differs: {Field} is {Actual}, wanted {Wanted}; not supported by this server: {NotSupported}.")]
    public static partial void Drift(
        ILogger logger, string queue, string thing, string field, string wanted, string actual, bool notSupported);

    [LoggerMessage(1308, LogLevel.Information, "Created {Thing} for {Queue}.")]
    public static partial void Created(ILogger logger, string queue, string thing);

    [LoggerMessage(1309, LogLevel.Error, "{Loop} is stuck: it is silent for longer than it said it would be.")]
    public static partial void LoopSilent(ILogger logger, string loop);

    [LoggerMessage(1310, LogLevel.Information, "Guarded consumer {Consumer} takes messages from {Stream}.")]
    public static partial void GuardStarted(ILogger logger, string consumer, string stream);

    [LoggerMessage(EventId = 1311, Message = "Guarded consumer {Consumer} was interrupted; it starts again in {Delay}.")]
    public static partial void GuardFailed(ILogger logger, LogLevel level, Exception error, string consumer, TimeSpan delay);

    [LoggerMessage(1312, LogLevel.Warning, "Guarded consumer {Consumer} failed message {Sequence}, try {Attempt} of {MaxAttempts}.")]
    public static partial void TryFailed(ILogger logger, Exception error, string consumer, ulong sequence, int attempt, int maxAttempts);

    [LoggerMessage(1313, LogLevel.Error, "Guarded consumer {Consumer} could not dead-letter message {Sequence} to {Queue}; it stays in its stream.")]
    public static partial void TransferFailed(ILogger logger, Exception error, string consumer, ulong sequence, string queue);

    [LoggerMessage(1314, LogLevel.Warning, "Guarded consumer {Consumer} could give no verdict on message {Sequence}; it will be delivered again.")]
    public static partial void NoVerdict(ILogger logger, Exception error, string consumer, ulong sequence);

    [LoggerMessage(1315, LogLevel.Error, "Guarded consumer {Consumer} takes {Threshold} failed messages in a row for an outage; it tries one at a time.")]
    public static partial void OutageBegan(ILogger logger, string consumer, int threshold);

    [LoggerMessage(1316, LogLevel.Warning, "Marks of {Queue} are kept {MarkMaxAge}, but {Stream} keeps messages without limit: one older than its mark may be dead-lettered twice.")]
    public static partial void MarksMayExpireFirst(ILogger logger, string queue, TimeSpan markMaxAge, string stream);

    [LoggerMessage(1317, LogLevel.Warning, "Guarded consumer {Consumer} could not set message {Sequence} aside; it is delayed in its stream.")]
    public static partial void NotSetAside(ILogger logger, Exception error, string consumer, ulong sequence);

    [LoggerMessage(1320, LogLevel.Warning, "Letter {Id} in {Queue}: {Reason}, {ErrorType} on {Subject} after {Attempts} tries, workflow {WorkflowId}, cause {Fingerprint}.")]
    public static partial void Recorded(
        ILogger logger, string queue, string id, string reason, string? errorType, string subject, int attempts, string? workflowId, string fingerprint);

    [LoggerMessage(1321, LogLevel.Error, "Alert sink {Sink} could not be told of letter {Id} in {Queue}.")]
    public static partial void AlertFailed(ILogger logger, Exception error, string sink, string queue, string id);
}
