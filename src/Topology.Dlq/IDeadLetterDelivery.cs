namespace Topology.Dlq;

/// <summary>One letter lent to a processor. Until it is settled it is lent again whenever its time is over.</summary>
public interface IDeadLetterDelivery
{
    /// <summary>Gets the letter.</summary>
    DeadLetter Letter { get; }

    /// <summary>Lends it for another full time.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask RenewAsync(CancellationToken cancellationToken);

    /// <summary>Takes it off the consumer: it is not lent again. It stays in the queue.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask SettleAsync(CancellationToken cancellationToken);

    /// <summary>Gives it back, to be lent again no earlier than after a delay.</summary>
    /// <param name="delay">The delay.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask PutBackAsync(TimeSpan delay, CancellationToken cancellationToken);
}
