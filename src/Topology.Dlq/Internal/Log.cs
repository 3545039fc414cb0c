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

    [LoggerMessage(1303, LogLevel.Error, "Processing {Queue} was interrupted; it starts again in {Delay}.")]
    public static partial void LoopFailed(ILogger logger, Exception error, string queue, TimeSpan delay);

    [LoggerMessage(1304, LogLevel.Warning, "The depth of {Queue} could not be read.")]
    public static partial void SampleFailed(ILogger logger, Exception error, string queue);

    [LoggerMessage(1305, LogLevel.Warning, "Letter {Id} in {Queue} could not be renewed; it may be processed twice.")]
    public static partial void RenewFailed(ILogger logger, Exception error, string queue, string id);

    [LoggerMessage(1306, LogLevel.Information, "Processing {Queue} as {Consumer} has started.")]
    public static partial void LoopStarted(ILogger logger, string queue, string consumer);

    [LoggerMessage(1307, LogLevel.Warning, "{Thing} of {Queue} differs: {Field} is {Actual}, wanted {Wanted}; not supported by this server: {NotSupported}.")]
    public static partial void Drift(
        ILogger logger, string queue, string thing, string field, string wanted, string actual, bool notSupported);

    [LoggerMessage(1308, LogLevel.Information, "Created {Thing} for {Queue}.")]
    public static partial void Created(ILogger logger, string queue, string thing);
}
