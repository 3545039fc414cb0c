namespace Topology.Dlq.Internal;

/// <summary>What came of one letter of a redrive.</summary>
internal enum RedriveOutcome
{
    /// <summary>The target has taken it.</summary>
    Redriven,

    /// <summary>The target has taken it, now or before the crash of an earlier run.</summary>
    Resumed,

    /// <summary>It was redriven too often.</summary>
    Capped,

    /// <summary>It was closed meanwhile, or is none of those asked for.</summary>
    Gone,

    /// <summary>The target failed.</summary>
    Failed,
}
