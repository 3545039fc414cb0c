using Topology.Retry;

namespace Platform.ServiceDefaults;

/// <summary>A tool refused, or did not answer. router-service has called it as often as its profile says: it is not called again.</summary>
/// <param name="message">Which, and what it said.</param>
public sealed class ToolException(string message) : PermanentException(message)
{
    /// <summary>Gets whether it is certain that the tool did nothing.</summary>
    public bool IsRefusal { get; init; }
}
