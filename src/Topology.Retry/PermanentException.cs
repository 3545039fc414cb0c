namespace Topology.Retry;

/// <summary>A failure that no further call can cure. Never retried, whatever the profile says.</summary>
public class PermanentException : Exception, IRetryHint
{
    /// <summary>Initializes a new instance of the <see cref="PermanentException"/> class.</summary>
    public PermanentException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="PermanentException"/> class.</summary>
    /// <param name="message">What is wrong.</param>
    public PermanentException(string? message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="PermanentException"/> class.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public PermanentException(string? message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <inheritdoc/>
    public bool MayRetry => false;

    /// <inheritdoc/>
    public TimeSpan? RetryAfter => null;
}
