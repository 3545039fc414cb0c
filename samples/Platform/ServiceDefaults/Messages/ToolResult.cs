namespace Platform.ServiceDefaults.Messages;

/// <summary>What a tool answered.</summary>
/// <param name="Value">What it did, such as the id of a payment.</param>
/// <param name="Agent">Who called it.</param>
public sealed record ToolResult(string Value, string Agent);
