using Microsoft.Extensions.Logging;

namespace Topology.Resilience.Internal;

internal static partial class Log
{
    [LoggerMessage(1550, LogLevel.Information, "Keys, sagas and dead letters are kept in: {Store}.")]
    public static partial void StoreNamed(ILogger logger, string store);

    [LoggerMessage(1551, LogLevel.Warning, "No store is named: keys, sagas and dead letters are kept in memory and end with this process. Call UseInMemory() to say that this is meant.")]
    public static partial void StoreFallback(ILogger logger);
}
