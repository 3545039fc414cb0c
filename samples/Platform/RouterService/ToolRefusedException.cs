using Topology.Retry;

namespace Platform.RouterService;

/// <summary>The tool has said no, and done nothing.</summary>
/// <param name="message">Why.</param>
internal sealed class ToolRefusedException(string message) : PermanentException(message);
