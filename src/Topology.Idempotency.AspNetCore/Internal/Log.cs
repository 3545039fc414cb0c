using Microsoft.Extensions.Logging;

namespace Topology.Idempotency.AspNetCore.Internal;

internal static partial class Log
{
    [LoggerMessage(1150, LogLevel.Error, "The store of idempotency keys is down; a request to {Operation} was answered 503 and not run.")]
    public static partial void StoreDown(ILogger logger, string operation, Exception exception);
}
