using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

internal static class SagaErrors
{
    public const int WrongLastSequence = 10071;
    public const int StreamNotFound = 10059;
    public const int ConsumerNotFound = 10014;

    // The stream's own limit, the server's, the account's, its memory's.
    private static readonly int[] _full = [10077, 10023, 10047, 10002, 10028];

    /// <summary>Whether a refusal says that there is no room.</summary>
    public static bool IsFull(int code) => _full.Contains(code);

    /// <summary>Whether an exception says that the store could not be asked, or did not answer.</summary>
    public static bool IsAway(Exception failure) => failure is NatsException or TimeoutException or ObjectDisposedException or IOException;

    public static SagaStoreException Away(string what, Exception? failure) => new($"NATS, {what}: {failure?.Message ?? "no answer"}", failure);

    public static SagaStoreException Refused(string what, int code, string? text) => new(
        IsFull(code) ? $"NATS, {what}: there is no room, {text}." : $"NATS, {what}: refused with {code}, {text}.");
}
