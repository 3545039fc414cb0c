using Microsoft.Extensions.Logging;

namespace Topology.Resilience.Internal;

internal static partial class Log
{
    [LoggerMessage(1550, LogLevel.Information, "Keys are kept in: {Keys}; sagas in: {Sagas}; dead letters in: {Letters}.")]
    public static partial void StoresNamed(ILogger logger, string keys, string sagas, string letters);

    [LoggerMessage(1551, LogLevel.Warning, "No store is named for {What}: they are kept in memory and end with this process. Call UseInMemory() to say that this is meant, or UseRedis() and UseNats().")]
    public static partial void StoreFallback(ILogger logger, string what);

    [LoggerMessage(1552, LogLevel.Warning, "Sagas are kept in {Sagas}, keys in memory: a step that a crash cuts off may run twice. Keep keys in Redis too, with UseRedis().")]
    public static partial void KeysEndFirst(ILogger logger, string sagas);

    [LoggerMessage(1553, LogLevel.Error, "{Queue} is full: saga {SagaId} waits with its letter until there is room. Redrive or discard letters, or raise max_bytes.")]
    public static partial void CompensationQueueFull(ILogger logger, string queue, string sagaId);

    [LoggerMessage(1555, LogLevel.Error, "{Check}: {Trouble}.")]
    public static partial void ServerUnusable(ILogger logger, string check, string trouble);

    [LoggerMessage(1556, LogLevel.Information, "{Check}: the server is as needed.")]
    public static partial void ServerUsable(ILogger logger, string check);

    [LoggerMessage(1554, LogLevel.Error, "Sink {Sink} could not be told that the queue is full.")]
    public static partial void AlertFailed(ILogger logger, Exception failure, string sink);
}
