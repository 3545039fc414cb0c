namespace Topology.Saga;

/// <summary>Thrown when a saga is started a second time under the same id with another input or definition.</summary>
public sealed class SagaConflictException : SagaException
{
    /// <summary>Initializes a new instance of the <see cref="SagaConflictException"/> class.</summary>
    public SagaConflictException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaConflictException"/> class.</summary>
    /// <param name="message">What differs.</param>
    public SagaConflictException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaConflictException"/> class.</summary>
    /// <param name="message">What differs.</param>
    /// <param name="innerException">The cause.</param>
    public SagaConflictException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal SagaConflictException(SagaId id, string difference)
        : base($"Saga {id} was already started with {difference}. Use another id, or start it with the same input.") => SagaId = id;

    /// <summary>Gets the saga that exists.</summary>
    public SagaId SagaId { get; }
}
