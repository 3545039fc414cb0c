using System.Globalization;

namespace Topology.Saga.JetStream.Internal;

/// <summary>What the server says of a delivery in the subject that is answered to. The client's own type takes it apart into a string for each part.</summary>
/// <param name="Sequence">The item's place in its stream.</param>
/// <param name="Count">How often it was delivered, as far as the server knows.</param>
/// <param name="StoredAt">When it was stored.</param>
internal readonly record struct SagaDelivery(ulong Sequence, ulong Count, DateTimeOffset StoredAt)
{
    /// <summary>Reads <c>$JS.ACK.[domain.account.]stream.consumer.count.sequence.consumer sequence.nanoseconds.pending[.token]</c>.</summary>
    public static SagaDelivery? Parse(string? replyTo)
    {
        const int LeastParts = 9;
        Span<Range> parts = stackalloc Range[LeastParts + 4];
        var text = replyTo.AsSpan();
        var count = text.Split(parts, '.');
        if (count < LeastParts || !text.StartsWith("$JS.ACK.", StringComparison.Ordinal))
        {
            return null;
        }

        var first = count == LeastParts ? 4 : 6;
        return ulong.TryParse(text[parts[first]], CultureInfo.InvariantCulture, out var delivered)
            && ulong.TryParse(text[parts[first + 1]], CultureInfo.InvariantCulture, out var sequence)
            && long.TryParse(text[parts[first + 3]], CultureInfo.InvariantCulture, out var nanoseconds)
                ? new(sequence, delivered, DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick))
                : null;
    }
}
