namespace Topology.Saga;

/// <summary>Thrown by a provider whose store is full or cannot be reached. What was asked for may or may not have happened.</summary>
public sealed class SagaStoreException : SagaException
{
    /// <summary>Initializes a new instance of the <see cref="SagaStoreException"/> class.</summary>
    public SagaStoreException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaStoreException"/> class.</summary>
    /// <param name="message">Which store, and what it said.</param>
    public SagaStoreException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaStoreException"/> class.</summary>
    /// <param name="message">Which store, and what it said.</param>
    /// <param name="innerException">The cause.</param>
    public SagaStoreException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
