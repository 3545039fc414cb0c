namespace Topology.Dlq.Internal;

internal sealed class DeadLetterGrouping
{
    private readonly Dictionary<string, DeadLetterGroup> _groups = new(StringComparer.Ordinal);

    public void Add(DeadLetter letter)
    {
        if (!_groups.TryGetValue(letter.Fingerprint, out var group))
        {
            _groups[letter.Fingerprint] = new DeadLetterGroup(
                letter.Fingerprint, 1, letter.Reason, letter.ErrorType, letter.ErrorMessage, letter.FirstFailedAt, letter.LastFailedAt, letter.Id);
            return;
        }

        group = group with
        {
            Count = group.Count + 1,
            FirstFailedAt = letter.FirstFailedAt < group.FirstFailedAt ? letter.FirstFailedAt : group.FirstFailedAt,
        };
        _groups[letter.Fingerprint] = letter.LastFailedAt < group.LastFailedAt ? group : group with
        {
            Reason = letter.Reason,
            ErrorType = letter.ErrorType,
            ErrorMessage = letter.ErrorMessage,
            LastFailedAt = letter.LastFailedAt,
            LatestId = letter.Id,
        };
    }

    public IReadOnlyList<DeadLetterGroup> ToList() => [.. _groups.Values.OrderByDescending(group => group.Count)];
}
