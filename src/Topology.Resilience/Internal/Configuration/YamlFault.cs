namespace Topology.Resilience.Internal.Configuration;

/// <summary>Reading a file stopped here. Never leaves the provider: it becomes a <see cref="TopologyDiagnostic"/>.</summary>
internal sealed class YamlFault(int code, int line, int column, string text) : Exception(text)
{
    public int Code => code;

    public int Line => line;

    public int Column => column;
}
