namespace Topology.Dlq;

/// <summary>One step of what is done for every letter of a queue, such as cancelling the run it belongs to. Created anew for each try.</summary>
/// <remarks>A step that is done is remembered and not run again, whatever fails after it. A crash in between runs it again, so it must be safe
/// to repeat.</remarks>
public interface IDeadLetterStep
{
    /// <summary>Gets the step's name, unique within its queue and stable between releases.</summary>
    string Name { get; }

    /// <summary>Runs the step.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="cancellationToken">Cancelled when the host stops and does not wait any longer.</param>
    ValueTask RunAsync(DeadLetter letter, CancellationToken cancellationToken);
}
