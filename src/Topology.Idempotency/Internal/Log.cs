using Microsoft.Extensions.Logging;

namespace Topology.Idempotency.Internal;

/// <summary>Log messages. Keys name tenant and user: a message carries <see cref="IdempotencyRecordKey.ToString"/>, a digest.</summary>
internal static partial class Log
{
    [LoggerMessage(1100, LogLevel.Warning, "Took over key {Key} from an owner whose lease ran out; its work may have happened already.")]
    public static partial void TookOver(ILogger logger, IdempotencyRecordKey key);

    [LoggerMessage(1101, LogLevel.Warning, "Lost the lease of key {Key}; another caller may be running the same work.")]
    public static partial void LeaseLost(ILogger logger, IdempotencyRecordKey key);

    [LoggerMessage(1102, LogLevel.Warning, "Could not renew the lease of key {Key}; it is tried again.")]
    public static partial void RenewFailed(ILogger logger, IdempotencyRecordKey key, Exception exception);

    [LoggerMessage(1103, LogLevel.Error, "The work of key {Key} ended, but its record could not be brought up to date; the next caller meets an abandoned claim.")]
    public static partial void NotSettled(ILogger logger, IdempotencyRecordKey key, Exception exception);

    [LoggerMessage(1104, LogLevel.Warning, "The store refused what the owner of key {Key} wrote after its work: {Status}.")]
    public static partial void Refused(ILogger logger, IdempotencyRecordKey key, FinishStatus status);

    [LoggerMessage(1105, LogLevel.Error, "The record of key {Key} cannot be read or does not match its hash; the work is not run again.")]
    public static partial void Corrupt(ILogger logger, IdempotencyRecordKey key);

    [LoggerMessage(1106, LogLevel.Error, "The store is down; the work of key {Key} runs without protection, as its policy allows.")]
    public static partial void RunsUnprotected(ILogger logger, IdempotencyRecordKey key, Exception exception);

    [LoggerMessage(1107, LogLevel.Warning, "The result of key {Key} has {Size} bytes, more than {Limit}; a tombstone is left instead.")]
    public static partial void ResultTooLarge(ILogger logger, IdempotencyRecordKey key, int size, int limit);
}
