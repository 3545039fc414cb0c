namespace Topology.Dlq;

/// <summary>What to redrive, and how carefully. Immutable.</summary>
/// <param name="Query">The letters: <c>new DeadLetterQuery(queue)</c> for all, with an id for one.</param>
public sealed record RedriveRequest(DeadLetterQuery Query)
{
    /// <summary>Gets how many letters are redriven per second.</summary>
    /// <value>The default is <see langword="null"/>, no bound; otherwise above 0.</value>
    public double? MaxPerSecond { get; init; }

    /// <summary>Gets how often a message may be redriven in all; a letter beyond it is left where it is.</summary>
    /// <value>The default is 3; at least 1.</value>
    public int MaxRedrives { get; init; } = 3;

    /// <summary>Gets after how many failed letters the run ends.</summary>
    /// <value>The default is 10; at least 1. A target that is away would otherwise be asked for every letter of the queue.</value>
    public int MaxFailures { get; init; } = 10;
}
