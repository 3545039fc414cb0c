namespace Topology.Dlq.Internal;

/// <summary>The two things that are ever done to a mark, and what a mark adds to a letter.</summary>
internal static class DeadLetterMarks
{
    /// <summary>Changes a mark by compare-and-set, reading it again whenever another writer came first. A change that has nothing to
    /// write returns its argument.</summary>
    public static async ValueTask<DeadLetterMark> UpdateMarkAsync(
        this IDeadLetterQueueProvider provider,
        DeadLetterMark known,
        Func<DeadLetterMark, DeadLetterMark> change,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = change(known);
            if (ReferenceEquals(next, known))
                return known;
            if (await provider.TryWriteMarkAsync(next, cancellationToken).ConfigureAwait(false) is { } revision)
                return next with { Revision = revision };
            known = await provider.ReadMarkAsync(known.Queue, known.Id, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Marks a letter closed, then removes it. Finishes what a crash between the two has left.</summary>
    /// <returns>Whether this call closed it.</returns>
    public static async ValueTask<bool> CloseAsync(
        this IDeadLetterQueueProvider provider, DeadLetterMark known, string reason, CancellationToken cancellationToken, int redriveDone = 0)
    {
        var closedHere = false;
        var mark = await provider.UpdateMarkAsync(
            known,
            current =>
            {
                closedHere = current.Closed is null;
                return closedHere ? current with { Closed = reason, RedriveDone = Math.Max(current.RedriveDone, redriveDone) } : current;
            },
            cancellationToken).ConfigureAwait(false);
        await provider.RemoveAsync(mark.Queue, mark.Id, cancellationToken).ConfigureAwait(false);
        return closedHere;
    }

    public static DeadLetter With(this DeadLetter letter, DeadLetterMark? mark) => mark is null ? letter : letter with
    {
        Status = mark.Parked is null ? DeadLetterStatus.Open : DeadLetterStatus.Parked,
        ParkReason = mark.Parked,
        ProcessorAttempts = mark.ProcessorStarts,
        RedriveCount = Math.Max(letter.RedriveCount, mark.RedriveStarted),
    };
}
