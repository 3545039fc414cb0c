using System.Security.Cryptography;
using System.Text;

namespace Topology.Dlq.Internal;

internal sealed class DeadLetterPublisher(IDeadLetterQueueProvider provider, DeadLetterQueues queues, DeadLetterMetrics metrics)
    : IDeadLetterPublisher
{
    public async ValueTask<DeadLetterReceipt> PublishAsync(DeadLetter letter, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(letter);
        RequireId(letter.Id);
        _ = queues[letter.Queue];
        var mark = await provider.ReadMarkAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
        return await PublishAsync(letter, mark, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Publishes a letter whose mark was read, or need not be: should there be another, writing this one fails, and until then the
    /// letter is shown to nobody, because whoever finds it reads its mark.</summary>
    public async ValueTask<DeadLetterReceipt> PublishAsync(DeadLetter letter, DeadLetterMark mark, CancellationToken cancellationToken)
    {
        if (mark.Closed is not null)
        {
            await provider.RemoveAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
            return Receipt(DeadLetterOutcome.AlreadyClosed);
        }

        if (mark.Transferred)
            return Receipt(DeadLetterOutcome.AlreadyPresent);

        using var span = DeadLetterTracing.Publish(letter);
        var stored = await provider.AppendAsync(Complete(letter), cancellationToken).ConfigureAwait(false);
        var counts = false;
        mark = await provider.UpdateMarkAsync(
            mark,
            current =>
            {
                counts = !current.Transferred;
                return counts ? current with { Transferred = true, History = [] } : current;
            },
            cancellationToken).ConfigureAwait(false);

        // Whoever writes it down counts it, and nobody else: also when another stored it, or somebody has closed it meanwhile.
        if (counts)
            metrics.Published(letter.Queue, letter.Reason);

        // Closed while it was being stored: the close did not see the letter.
        if (mark.Closed is not null)
        {
            await provider.RemoveAsync(letter.Queue, letter.Id, cancellationToken).ConfigureAwait(false);
            return Receipt(DeadLetterOutcome.AlreadyClosed);
        }

        return Receipt(stored ? DeadLetterOutcome.Stored : DeadLetterOutcome.AlreadyPresent);

        DeadLetterReceipt Receipt(DeadLetterOutcome outcome) => new(letter.Queue, letter.Id, outcome);
    }

    public async ValueTask<bool> CloseAsync(string queue, string id, string reason, CancellationToken cancellationToken = default)
    {
        RequireId(id);
        ArgumentException.ThrowIfNullOrEmpty(reason);
        _ = queues[queue];
        var mark = await provider.ReadMarkAsync(queue, id, cancellationToken).ConfigureAwait(false);
        return await provider.CloseAsync(mark, reason, cancellationToken).ConfigureAwait(false);
    }

    private static DeadLetter Complete(DeadLetter letter) => letter with
    {
        Fingerprint = letter.Fingerprint.Length > 0 ? letter.Fingerprint : FingerprintOf(letter),
        History = letter.History.Count <= 10 ? letter.History : [.. letter.History.TakeLast(10)],
        Headers = DeadLetterTracing.Stamp(WithoutTransport(letter.Headers)),
        Status = DeadLetterStatus.Open,
        ParkReason = null,
        ProcessorAttempts = 0,
    };

    private static List<KeyValuePair<string, string>> WithoutTransport(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        var kept = new List<KeyValuePair<string, string>>(headers.Count);
        for (var i = 0; i < headers.Count; i++)
        {
            if (!headers[i].Key.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase))
                kept.Add(headers[i]);
        }

        return kept;
    }

    /// <summary>The kind of failure, and where it was thrown: messages differ too often between letters of one cause.</summary>
    private static string FingerprintOf(DeadLetter letter)
    {
        var frame = (letter.ErrorStack ?? "").AsSpan().Trim();
        var end = frame.IndexOfAny('\r', '\n');
        if (end >= 0)
            frame = frame[..end];

        // A line number moves with every edit of the file.
        var line = frame.LastIndexOf(":line ", StringComparison.Ordinal);
        if (line >= 0)
            frame = frame[..line];
        var text = $"{letter.Reason}\n{letter.ErrorType}\n{frame}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
    }

    private static void RequireId(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        if (!DeadLetterId.IsValid(id))
            throw new ArgumentException($"A letter id has 1 to {DeadLetterId.MaxLength} letters, digits, '-' or '_'.", nameof(id));
    }
}
