using Microsoft.Extensions.Logging;

namespace Topology.Saga.JetStream.Internal;

/// <summary>Does the same again and again until cancelled, and tells when it last came round.</summary>
internal sealed class SagaLoop(string name, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan _pauseAfterFailure = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestRound = TimeSpan.FromSeconds(30);

    private long _cameRound = time.GetTimestamp();

    /// <summary>Whether it comes round; a failure counts, a hang does not.</summary>
    public bool IsAlive => time.GetElapsedTime(Volatile.Read(ref _cameRound)) < _longestRound;

    /// <summary>It came round, or is at work in the midst of a long round.</summary>
    public void Beat() => Volatile.Write(ref _cameRound, time.GetTimestamp());

    public async Task RunAsync(Func<CancellationToken, Task> round, CancellationToken cancellationToken)
    {
        string? said = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            Beat();
            try
            {
                await round(cancellationToken).ConfigureAwait(false);
                said = null;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                // Said when it begins and when it changes; a trouble that lasts would fill the log.
                if (failure.Message != said)
                {
                    Log.LoopFailed(logger, failure, name, _pauseAfterFailure);
                }

                said = failure.Message;
                // What failed is most often a server that is away: asked again once a second. The loop itself sees the cancellation.
                await Task.Delay(_pauseAfterFailure, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
