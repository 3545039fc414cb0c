using Microsoft.Extensions.Options;

namespace Topology.Dlq.Internal;

/// <summary>The queues of this process, as they were configured when it started.</summary>
internal sealed class DeadLetterQueues
{
    private readonly Dictionary<string, DeadLetterQueueOptions> _queues;

    public DeadLetterQueues(IOptions<DeadLetterOptions> options, IOptionsMonitor<DeadLetterQueueOptions> queues) =>
        _queues = options.Value.QueueNames.ToDictionary(name => name, queues.Get, StringComparer.Ordinal);

    public IEnumerable<string> Names => _queues.Keys;

    public DeadLetterQueueOptions this[string queue] => _queues.TryGetValue(queue, out var options)
        ? options
        : throw new DeadLetterException(
            $"There is no dead-letter queue '{queue}'; configured are {string.Join(", ", _queues.Keys.Order(StringComparer.Ordinal))}.")
        {
            Queue = queue,
        };
}
