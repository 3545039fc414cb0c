namespace Topology.Dlq;

/// <summary>One field in which a server differs from what a queue needs. Immutable.</summary>
/// <param name="Queue">The logical name of the queue.</param>
/// <param name="Thing">The stream or consumer, such as <c>stream AGENT_RUN_DLQ</c>.</param>
/// <param name="Field">The field, by its name in the server's API, or <c>exists</c>.</param>
/// <param name="Wanted">The value that was configured.</param>
/// <param name="Actual">The value on the server.</param>
/// <param name="Breaks">Whether a promise of this package depends on it; then the queue is refused.</param>
/// <param name="NotSupported">Whether the server is too old to know the field; then nothing can be done about it.</param>
public sealed record DeadLetterDrift(string Queue, string Thing, string Field, string Wanted, string Actual, bool Breaks, bool NotSupported);
