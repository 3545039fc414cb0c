namespace Topology.Saga;

/// <summary>Told of each entry after it is durable. Safe for concurrent use.</summary>
/// <remarks>
/// Never told of an entry that was not stored, and sometimes twice of one that was. An owner that dies may leave an entry untold that others
/// follow; the one with which a saga comes to rest is told at least once, if need be by whoever gets its item next. A failing observer is
/// logged, not obeyed.
/// </remarks>
public interface ISagaObserver
{
    /// <summary>Called by the saga's owner after an append, before the next effect.</summary>
    /// <param name="id">The saga.</param>
    /// <param name="version">The saga's version after the entry.</param>
    /// <param name="entry">What was written.</param>
    /// <param name="cancellationToken">Cancelled when the host stops.</param>
    ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken);
}
