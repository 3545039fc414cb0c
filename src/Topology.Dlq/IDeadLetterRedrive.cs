namespace Topology.Dlq;

/// <summary>Sends letters back to where they can succeed. Thread safe.</summary>
public interface IDeadLetterRedrive
{
    /// <summary>Says what a run would do, and changes nothing.</summary>
    /// <param name="request">What to redrive.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="DeadLetterException">The queue is not configured, or the provider cannot be reached.</exception>
    ValueTask<RedrivePlan> PlanAsync(RedriveRequest request, CancellationToken cancellationToken = default);

    /// <summary>Redrives the letters in the queue when the run begins, oldest first.</summary>
    /// <remarks>A run that was cut off, by cancellation or a crash, is resumed by running it again. It begins with one letter at a time, and
    /// as long as the target takes them up to 32 are under way together.</remarks>
    /// <param name="request">What to redrive.</param>
    /// <param name="progress">Told after each letter.</param>
    /// <param name="cancellationToken">Ends the run: no further letter is begun, and what is under way may stop between two marks.</param>
    /// <exception cref="DeadLetterException">The queue is not configured or has no target, or the provider cannot be reached.</exception>
    ValueTask<RedriveResult> RunAsync(
        RedriveRequest request, IProgress<RedriveResult>? progress = null, CancellationToken cancellationToken = default);
}
