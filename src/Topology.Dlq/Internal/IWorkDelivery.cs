namespace Topology.Dlq.Internal;

/// <summary>One delivery of one message. An acknowledgement of any delivery settles the message.</summary>
internal interface IWorkDelivery
{
    /// <summary>Gets the id of the letter this message would become, when the delivery is of a copy that was set aside; else null.</summary>
    string? LetterId => null;

    string Subject { get; }

    ReadOnlyMemory<byte> Body { get; }

    NATS.Client.Core.NatsHeaders? Headers { get; }

    ulong Sequence { get; }

    DateTimeOffset StoredAt { get; }

    /// <summary>Gets which delivery this is, counted from 1. It bounds nothing: a message in a buffer is delivered again too.</summary>
    ulong Deliveries { get; }

    /// <summary>Gets whether what calls itself a first delivery may be none.</summary>
    bool IsDoubtful => false;

    ValueTask AckAsync(CancellationToken cancellationToken);

    ValueTask NakAsync(TimeSpan delay, CancellationToken cancellationToken);

    ValueTask RenewAsync(CancellationToken cancellationToken);
}
