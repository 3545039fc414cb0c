namespace Topology.Dlq;

/// <summary>Makes a failed tool call again. Created anew for each call.</summary>
public interface IToolCallHandler
{
    /// <summary>Makes the call. Returning is success; throwing brings the next call, and the fifth failure parks the letter.</summary>
    /// <remarks>A failure that <see cref="Topology.Retry.IRetryHint"/> says must not be retried parks the letter at once. Nothing may retry
    /// inside.</remarks>
    /// <param name="letter">The letter of the call; its id is the same for every call.</param>
    /// <param name="attempt">The number of this call, counted from 1.</param>
    /// <param name="cancellationToken">Cancelled when the host stops and does not wait any longer.</param>
    ValueTask CallAsync(DeadLetter letter, int attempt, CancellationToken cancellationToken);
}
