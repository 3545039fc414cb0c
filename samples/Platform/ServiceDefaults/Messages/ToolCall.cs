namespace Platform.ServiceDefaults.Messages;

/// <summary>A call of a tool: orchestrator to router-service. Its <c>Idempotency-Key</c> is the same for each try.</summary>
/// <param name="RunId">The run it is for.</param>
/// <param name="Order">What the run is about.</param>
/// <param name="Undoes">What the tool is to undo, when it is one that undoes and that is known.</param>
public sealed record ToolCall(string RunId, Order Order, string? Undoes = null);
