namespace Topology.Saga;

/// <summary>Told of each entry after it is durable. Safe for concurrent use.</summary>
/// <remarks>Tells of an entry at least once, and never of one that was not stored. A failing observer is logged, not obeyed.</remarks>
public interface ISagaObserver
{
    /// <summary>Called by the saga's owner after an append, before the next effect.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="version">The saga's version after the entry.</param>
    /// <param name="entry">What was written.</param>
    /// <param name="cancellationToken">Cancelled when the host stops.</param>
    ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken);
}
