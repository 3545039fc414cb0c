namespace Topology.Dlq;

/// <summary>A dead-letter queue could not keep its promise.</summary>
public class DeadLetterException : Exception
{
    /// <summary>Creates the exception.</summary>
    public DeadLetterException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened.</param>
    public DeadLetterException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">Why.</param>
    public DeadLetterException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Gets the logical name of the queue.</summary>
    public string? Queue { get; init; }
}
