using System.Runtime.CompilerServices;

namespace Topology.Dlq.Internal;

internal sealed class DeadLetterStore(IDeadLetterQueueProvider provider, DeadLetterQueues queues) : IDeadLetterStore
{
    public async ValueTask<DeadLetter?> GetAsync(string queue, string id, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        _ = queues[queue];
        if (!DeadLetterId.IsValid(id))
            return null;
        var letter = await provider.FindAsync(queue, id, cancellationToken).ConfigureAwait(false);
        if (letter is null)
            return null;
        var mark = await provider.ReadMarkAsync(queue, id, cancellationToken).ConfigureAwait(false);
        return mark.Closed is null ? letter.With(mark) : null;
    }

    public async IAsyncEnumerable<DeadLetter> QueryAsync(
        DeadLetterQuery query, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        _ = queues[query.Queue];
        var marks = new Dictionary<string, DeadLetterMark>(StringComparer.Ordinal);
        await foreach (var mark in provider.ReadMarksAsync(query.Queue, cancellationToken).ConfigureAwait(false))
            marks[mark.Id] = mark;

        await foreach (var stored in provider.ReadAsync(query.Queue, cancellationToken).ConfigureAwait(false))
        {
            var mark = marks.GetValueOrDefault(stored.Id);
            var letter = stored.With(mark);
            if (mark?.Closed is null && query.Selects(letter))
                yield return letter;
        }
    }

    public async ValueTask<IReadOnlyList<DeadLetterGroup>> GroupAsync(DeadLetterQuery query, CancellationToken cancellationToken = default)
    {
        var groups = new DeadLetterGrouping();
        await foreach (var letter in QueryAsync(query, cancellationToken).ConfigureAwait(false))
            groups.Add(letter);
        return groups.ToList();
    }

    public async ValueTask<DeadLetterStats> StatsAsync(string queue, CancellationToken cancellationToken = default)
    {
        int open = 0, parked = 0;
        var byReason = new Dictionary<string, int>(StringComparer.Ordinal);
        await foreach (var letter in QueryAsync(new DeadLetterQuery(queue), cancellationToken).ConfigureAwait(false))
        {
            if (letter.Status == DeadLetterStatus.Parked)
                parked++;
            else
                open++;
            byReason[letter.Reason] = byReason.GetValueOrDefault(letter.Reason) + 1;
        }

        var sample = await provider.SampleAsync(queue, cancellationToken).ConfigureAwait(false);
        return new DeadLetterStats(queue, open, parked, sample.Bytes, sample.OldestAt, byReason);
    }

    public async ValueTask<int> DiscardAsync(DeadLetterQuery query, string reason, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        var closed = 0;
        await foreach (var letter in QueryAsync(query, cancellationToken).ConfigureAwait(false))
        {
            var mark = await provider.ReadMarkAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
            if (await provider.CloseAsync(mark, $"discarded: {reason}", cancellationToken).ConfigureAwait(false))
                closed++;
        }

        return closed;
    }
}
