namespace Platform.ServiceDefaults.Messages;

/// <summary>How a run is: orchestrator to everyone who looks.</summary>
/// <param name="RunId">The run, whatever number of times it was begun anew.</param>
/// <param name="Status">A saga's status, or <see cref="Requested"/>.</param>
/// <param name="IsFinal">Whether nothing happens by itself any more.</param>
/// <param name="Redrive">How often it was begun anew.</param>
/// <param name="Version">The version of its journal; it orders two states of the same redrive.</param>
/// <param name="Completed">The steps that are done.</param>
/// <param name="Compensated">The steps that were undone, in the order in which that happened.</param>
/// <param name="FailedStep">The step that made it go back.</param>
public sealed record RunState(
    string RunId,
    string Status,
    bool IsFinal,
    int Redrive,
    long Version,
    IReadOnlyList<string> Completed,
    IReadOnlyList<string> Compensated,
    string? FailedStep = null)
{
    /// <summary>The status of a run that no orchestrator has begun.</summary>
    public const string Requested = "Requested";

    /// <summary>Returns whether this state comes after another of the same run.</summary>
    /// <param name="other">The other.</param>
    public bool IsAfter(RunState other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Redrive, Version).CompareTo((other.Redrive, other.Version)) > 0;
    }
}
