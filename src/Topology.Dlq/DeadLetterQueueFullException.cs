namespace Topology.Dlq;

/// <summary>A queue, or the stream of its marks, has no room. Nothing was stored and nothing was evicted.</summary>
public sealed class DeadLetterQueueFullException : DeadLetterException
{
    /// <summary>Creates the exception.</summary>
    public DeadLetterQueueFullException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened.</param>
    public DeadLetterQueueFullException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">Why.</param>
    public DeadLetterQueueFullException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
