namespace Topology.Idempotency;

/// <summary>A promise of this package that could not be kept.</summary>
public class IdempotencyException : Exception
{
    /// <summary>Makes the exception.</summary>
    public IdempotencyException()
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What happened; never a key.</param>
    public IdempotencyException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What happened; never a key.</param>
    /// <param name="innerException">The cause.</param>
    public IdempotencyException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
