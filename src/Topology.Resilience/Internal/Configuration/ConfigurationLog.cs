using Microsoft.Extensions.Logging;

namespace Topology.Resilience.Internal.Configuration;

internal static partial class ConfigurationLog
{
    [LoggerMessage(1500, LogLevel.Warning, "{Diagnostic}")]
    public static partial void Warning(ILogger logger, TopologyDiagnostic diagnostic);

    [LoggerMessage(1501, LogLevel.Debug, "{Diagnostic}")]
    public static partial void Info(ILogger logger, TopologyDiagnostic diagnostic);

    [LoggerMessage(1502, LogLevel.Error, "{Diagnostic}")]
    public static partial void ReloadError(ILogger logger, TopologyDiagnostic diagnostic);

    [LoggerMessage(1503, LogLevel.Error, "Changed settings have {Count} errors and are not applied; the last good ones stay")]
    public static partial void ReloadRejected(ILogger logger, int count);

    [LoggerMessage(1504, LogLevel.Information, "Changed settings accepted: {Changed}")]
    public static partial void ReloadAccepted(ILogger logger, string changed);

    [LoggerMessage(1505, LogLevel.Error, "A listener to changed settings failed: {Listener}")]
    public static partial void ListenerFailed(ILogger logger, Exception exception, string listener);

    [LoggerMessage(1506, LogLevel.Error, "Changed settings could not be checked and are not applied; the last good ones stay")]
    public static partial void ReloadFailed(ILogger logger, Exception exception);
}
