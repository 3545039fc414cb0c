using System.Globalization;

namespace Topology.Dlq.Internal;

/// <summary>The ids of the letters that one life of a work stream may bring forth. Made when asked for: most messages become none.</summary>
internal sealed class LetterIds(string stream, DateTimeOffset created, string consumer)
{
    // The stream's sequences start again when it is made anew.
    private readonly string _created = created.UtcTicks.ToString(CultureInfo.InvariantCulture);

    public string Of(IWorkDelivery delivery) => delivery.LetterId ?? DeadLetterId.Of(
        stream, _created, delivery.Sequence.ToString(CultureInfo.InvariantCulture), consumer);
}
