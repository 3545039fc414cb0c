using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Dlq.Internal;

internal static class JetStreamErrors
{
    public const int WrongLastSequence = 10071;

    // The stream's own limit, the server's, the account's.
    private static readonly int[] Full = [10077, 10023, 10047, 10002, 10028];

    /// <summary>Turns the client's exceptions into this package's.</summary>
    public static async ValueTask<T> WrapAsync<T>(string queue, Func<ValueTask<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception failure) when (IsClients(failure))
        {
            throw Wrapped(queue, failure);
        }
    }

    public static bool IsClients(Exception failure) => failure is NatsException or TimeoutException;

    public static DeadLetterException Wrapped(string queue, Exception failure) =>
        new($"Dead-letter queue '{queue}': {failure.Message}", failure) { Queue = queue };

    public static DeadLetterException Refused(string queue, NATS.Client.JetStream.Models.ApiError error) => Full.Contains(error.ErrCode)
        ? new DeadLetterQueueFullException($"Dead-letter queue '{queue}' has no room: {error.Description}.") { Queue = queue }
        : new DeadLetterException($"Dead-letter queue '{queue}': the server refused with {error.ErrCode}, {error.Description}.") { Queue = queue };
}
