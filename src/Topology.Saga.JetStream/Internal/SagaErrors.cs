using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace Topology.Saga.JetStream.Internal;

internal static class SagaErrors
{
    public const int WrongLastSequence = 10071;
    public const int StreamNotFound = 10059;
    public const int ConsumerNotFound = 10014;

    // The stream's own limit, the server's, the account's, its memory's.
    private static readonly int[] _full = [10077, 10023, 10047, 10002, 10028];

    /// <summary>Whether an exception says that the store could not be asked, or did not answer.</summary>
    public static bool IsAway(Exception failure) => failure is NatsException or TimeoutException or ObjectDisposedException or IOException;

    public static SagaStoreException Away(string what, Exception? failure) => new($"NATS, {what}: {failure?.Message ?? "no answer"}", failure);

    public static SagaStoreException Refused(string what, ApiError error) => new(
        _full.Contains(error.ErrCode) ? $"NATS, {what}: there is no room, {error.Description}." : $"NATS, {what}: refused with {error.ErrCode}, {error.Description}.");
}
