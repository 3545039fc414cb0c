using Topology.Dlq.Internal;

namespace Topology.Dlq;

/// <summary>One try to process one letter. Used by one processor at a time.</summary>
public sealed class DeadLetterContext
{
    private readonly IDeadLetterQueueProvider _provider;
    private DeadLetterMark _mark;

    internal DeadLetterContext(IDeadLetterQueueProvider provider, DeadLetter letter, DeadLetterMark mark, int maxAttempts)
    {
        _provider = provider;
        _mark = mark;
        Letter = letter;
        MaxAttempts = maxAttempts;
    }

    /// <summary>Gets the letter.</summary>
    public DeadLetter Letter { get; }

    /// <summary>Gets the number of this try, counted from 1.</summary>
    public int Attempt => _mark.ProcessorStarts;

    /// <summary>Gets how many tries there are.</summary>
    public int MaxAttempts { get; }

    /// <summary>Runs a named step unless an earlier try has finished it, and remembers that it is done.</summary>
    /// <remarks>A crash between the step and the memory of it runs the step again, so the step must be safe to repeat.</remarks>
    /// <param name="name">The step's name, unique within the processor.</param>
    /// <param name="step">The step.</param>
    /// <param name="cancellationToken">Ends the step.</param>
    /// <returns>Whether the step was run by this call.</returns>
    /// <exception cref="DeadLetterException">The memory could not be written.</exception>
    public async ValueTask<bool> RunStepAsync(string name, Func<CancellationToken, ValueTask> step, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(step);
        if (_mark.Steps.Contains(name, StringComparer.Ordinal))
            return false;

        await step(cancellationToken).ConfigureAwait(false);
        _mark = await _provider.UpdateMarkAsync(
            _mark, mark => mark.Steps.Contains(name, StringComparer.Ordinal) ? mark : mark with { Steps = [.. mark.Steps, name] }, cancellationToken)
            .ConfigureAwait(false);
        return true;
    }
}
