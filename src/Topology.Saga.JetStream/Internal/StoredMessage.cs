using NATS.Client.Core;

namespace Topology.Saga.JetStream.Internal;

/// <summary>A message as a stream holds it.</summary>
internal readonly record struct StoredMessage(string Subject, ulong Sequence, DateTimeOffset At, NatsHeaders? Headers, ReadOnlyMemory<byte> Body)
{
    public string? Header(string name) => Find(Headers, name);

    public static string? Find(NatsHeaders? headers, string name) =>
        headers is not null && headers.TryGetValue(name, out var values) ? values.ToString() : null;
}
