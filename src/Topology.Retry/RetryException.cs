namespace Topology.Retry;

/// <summary>The base of the exceptions this package throws for itself. Failures of the retried calls are never wrapped in it.</summary>
public abstract class RetryException : InvalidOperationException
{
    private protected RetryException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
