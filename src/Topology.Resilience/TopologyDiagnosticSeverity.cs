namespace Topology.Resilience;

/// <summary>How much a <see cref="TopologyDiagnostic"/> weighs.</summary>
public enum TopologyDiagnosticSeverity
{
    /// <summary>Worth knowing; nothing is wrong, such as a saga that another service runs.</summary>
    Info,

    /// <summary>Works, but probably not as meant.</summary>
    Warning,

    /// <summary>The host does not start; a running host keeps its last good settings.</summary>
    Error,
}
