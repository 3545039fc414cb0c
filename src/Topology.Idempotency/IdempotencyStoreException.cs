namespace Topology.Idempotency;

/// <summary>The store cannot be reached, is full, or refused a command. Whether a write arrived is not known.</summary>
public sealed class IdempotencyStoreException : IdempotencyException
{
    /// <summary>Makes the exception.</summary>
    public IdempotencyStoreException()
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What happened; never a key.</param>
    public IdempotencyStoreException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What happened; never a key.</param>
    /// <param name="innerException">The cause.</param>
    public IdempotencyStoreException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
