namespace Topology.Saga;

/// <summary>An item lent to one worker.</summary>
/// <remarks>
/// It stays lent until it is completed, given back or disposed, however long that takes. Disposing says nothing to the store: an item that
/// was neither completed nor given back is handed out again when its lease has run out. A fenced owner only disposes.
/// </remarks>
public interface ISagaLease : IDisposable
{
    /// <summary>Gets the saga.</summary>
    SagaId SagaId { get; }

    /// <summary>Gets the item's id: the same when it is handed out again.</summary>
    string ItemId { get; }

    /// <summary>Gets the step whose time has come; <see langword="null"/> for an item that is no timer.</summary>
    string? TimerOf { get; }

    /// <summary>Gets when the item was stored, by the store's clock.</summary>
    DateTimeOffset EnqueuedAt { get; }

    /// <summary>Gets what the saga is started with, when the item is its start and was never handed out before.</summary>
    /// <value><see langword="null"/> by default, for a provider that cannot tell.</value>
    /// <remarks>It saves reading a journal that is empty as good as always: the owner's first append tells when it is not.</remarks>
    SagaStart? FreshStart => null;

    /// <summary>Removes the item for good. Called only after the owner's own terminal or resting append.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask CompleteAsync(CancellationToken cancellationToken);

    /// <summary>Gives the item back, to be handed out again after a delay.</summary>
    /// <param name="delay">How long to wait at least.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask AbandonAsync(TimeSpan delay, CancellationToken cancellationToken);
}
