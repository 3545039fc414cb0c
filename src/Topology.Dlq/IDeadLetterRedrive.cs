namespace Topology.Dlq;

/// <summary>Sends letters back to where they can succeed. Thread safe.</summary>
public interface IDeadLetterRedrive
{
    /// <summary>Says what a run would do, and changes nothing.</summary>
    /// <param name="request">What to redrive.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<RedrivePlan> PlanAsync(RedriveRequest request, CancellationToken cancellationToken = default);

    /// <summary>Redrives the letters in the queue when the run begins, oldest first, one after another.</summary>
    /// <remarks>A run that was cut off, by cancellation or a crash, is resumed by running it again.</remarks>
    /// <param name="request">What to redrive.</param>
    /// <param name="progress">Told after each letter.</param>
    /// <param name="cancellationToken">Ends the run between two letters or while it waits.</param>
    /// <exception cref="DeadLetterException">The queue is not configured or has no target, or the provider cannot be reached.</exception>
    ValueTask<RedriveResult> RunAsync(
        RedriveRequest request, IProgress<RedriveResult>? progress = null, CancellationToken cancellationToken = default);
}
