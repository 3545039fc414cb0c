using Microsoft.Extensions.Logging;

namespace Topology.Saga.JetStream.Internal;

internal static partial class Log
{
    [LoggerMessage(1250, LogLevel.Information, "Created {Thing} for sagas.")]
    public static partial void Created(ILogger logger, string thing);

    [LoggerMessage(1251, LogLevel.Warning, "Sagas: {Thing} differs: {Field} is {Actual}, wanted {Wanted}.")]
    public static partial void Drift(ILogger logger, string thing, string field, string wanted, string actual);

    [LoggerMessage(1252, LogLevel.Error, "Sagas: {What} is {Percent} % full: no further saga is started until there is room. Raise its limit, or end and forget sagas sooner.")]
    public static partial void AdmissionStopped(ILogger logger, string what, int percent);

    [LoggerMessage(1253, LogLevel.Information, "There is room for sagas again; they are started.")]
    public static partial void AdmissionResumed(ILogger logger);

    [LoggerMessage(1254, LogLevel.Warning, "The {Loop} of sagas was interrupted; it goes on in {Delay}.")]
    public static partial void LoopFailed(ILogger logger, Exception error, string loop, TimeSpan delay);

    [LoggerMessage(1255, LogLevel.Warning, "NATS server {Version} keeps sagas on several servers, but its compare-and-set between them is only exact from 2.11 on.")]
    public static partial void OldCluster(ILogger logger, string version);

    [LoggerMessage(1256, LogLevel.Warning, "The server's time could not be read; it is carried on from the last reading.")]
    public static partial void ClockNotRead(ILogger logger, Exception error);

    [LoggerMessage(1257, LogLevel.Error, "Message {Sequence} of {Stream} cannot be read; it is left where it is.")]
    public static partial void Unreadable(ILogger logger, Exception error, ulong sequence, string stream);
}
