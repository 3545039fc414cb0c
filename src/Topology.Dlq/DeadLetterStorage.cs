namespace Topology.Dlq;

/// <summary>Where a server keeps the letters of a queue.</summary>
public enum DeadLetterStorage
{
    /// <summary>On disk.</summary>
    File,

    /// <summary>In the server's memory: letters end with the server.</summary>
    Memory,
}
