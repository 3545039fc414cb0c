using Microsoft.Extensions.Logging;

namespace Topology.Resilience.Internal;

internal static partial class Log
{
    [LoggerMessage(1550, LogLevel.Information, "Keys are kept in: {Keys}; sagas in: {Sagas}; dead letters in: {Letters}.")]
    public static partial void StoresNamed(ILogger logger, string keys, string sagas, string letters);

    [LoggerMessage(1551, LogLevel.Warning, "No store is named for {What}: they are kept in memory and end with this process. Call UseInMemory() to say that this is meant, or UseRedis() and UseNats().")]
    public static partial void StoreFallback(ILogger logger, string what);
}
