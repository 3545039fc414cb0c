namespace Platform.RouterService;

/// <summary>A call that a tool of the sandbox received.</summary>
internal sealed record SandboxCall(string RunId, string Tool, string Key, string Outcome);
