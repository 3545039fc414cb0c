namespace Platform.Realtime;

/// <summary>What a client sends.</summary>
/// <param name="Subscribe">Topics to follow, each <c>run.{id}</c> or <c>run.{id}:{sequence}</c>.</param>
/// <param name="Unsubscribe">Topics to leave.</param>
internal sealed record ClientMessage(IReadOnlyList<string>? Subscribe, IReadOnlyList<string>? Unsubscribe);
