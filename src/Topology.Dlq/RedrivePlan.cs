namespace Topology.Dlq;

/// <summary>What a redrive would do. Immutable.</summary>
/// <param name="Queue">The logical name of the queue.</param>
/// <param name="Letters">Letters that would be redriven.</param>
/// <param name="Resumed">Those among them whose redrive was begun before and cut off.</param>
/// <param name="Capped">Letters that would be left, because their message was redriven too often.</param>
/// <param name="HasTarget">Whether the queue has a target. Without one a run is refused.</param>
/// <param name="Groups">The letters that would be redriven, by cause.</param>
public sealed record RedrivePlan(
    string Queue, int Letters, int Resumed, int Capped, bool HasTarget, IReadOnlyList<DeadLetterGroup> Groups);
