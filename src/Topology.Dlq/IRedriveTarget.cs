namespace Topology.Dlq;

/// <summary>Where a queue's letters go when they are redriven. Thread safe.</summary>
/// <remarks>
/// The order is: <see cref="GetPositionAsync"/>, the mark "started", <see cref="RedriveAsync"/>, the mark "done", the letter is closed. After
/// a crash in between, <see cref="IsPresentAsync"/> decides whether <see cref="RedriveAsync"/> is called again with the same id. Exactly once
/// is not promised: a target that can, drops an id it has seen.
/// </remarks>
public interface IRedriveTarget
{
    /// <summary>Hands the letter on. Returning means that the target has taken it; throwing leaves the letter open.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="redriveId">The identity of this redrive, <c>redrive:{letter}:{n}</c>: the same when it is tried again.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken);

    /// <summary>Returns the target's position, from which a redrive that follows can be looked for.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The position; 0 where the target has none.</returns>
    ValueTask<ulong> GetPositionAsync(DeadLetter letter, CancellationToken cancellationToken) => ValueTask.FromResult(0UL);

    /// <summary>Returns whether the target holds a redrive. A target that drops ids it has seen need not look.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="redriveId">The identity of the redrive.</param>
    /// <param name="position">The position before it was published.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<bool> IsPresentAsync(DeadLetter letter, string redriveId, ulong position, CancellationToken cancellationToken) =>
        ValueTask.FromResult(false);
}
