namespace Platform.ServiceDefaults.Messages;

/// <summary>Who is to do a task, and with what.</summary>
/// <param name="Agent">The agent.</param>
/// <param name="Model">The model.</param>
public sealed record Decision(string Agent, string Model);
