namespace Topology.Dlq;

/// <summary>What a redrive has done, so far or in all. Immutable.</summary>
/// <param name="Redriven">Letters the target has taken; they are closed.</param>
/// <param name="Resumed">Those among them whose redrive was begun before and cut off.</param>
/// <param name="Capped">Letters left, because their message was redriven too often.</param>
/// <param name="Failed">Letters left, because the target failed.</param>
/// <param name="Stopped">Whether the run ended early, at <see cref="RedriveRequest.MaxFailures"/>.</param>
/// <param name="Failures">The failed letters' ids and the message of what the target threw.</param>
public sealed record RedriveResult(
    int Redriven, int Resumed, int Capped, int Failed, bool Stopped, IReadOnlyList<KeyValuePair<string, string>> Failures);
