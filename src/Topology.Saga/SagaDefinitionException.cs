namespace Topology.Saga;

/// <summary>Thrown when a definition, or its compensation table, cannot work. Lists every fault, not only the first.</summary>
public sealed class SagaDefinitionException : SagaException
{
    /// <summary>Initializes a new instance of the <see cref="SagaDefinitionException"/> class.</summary>
    public SagaDefinitionException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaDefinitionException"/> class.</summary>
    /// <param name="message">The faults.</param>
    public SagaDefinitionException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaDefinitionException"/> class.</summary>
    /// <param name="message">The faults.</param>
    /// <param name="innerException">The cause.</param>
    public SagaDefinitionException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal SagaDefinitionException(IReadOnlyList<string> faults)
        : base(string.Join(Environment.NewLine, faults)) => Faults = faults;

    /// <summary>Gets the faults, one text each.</summary>
    public IReadOnlyList<string> Faults { get; } = [];
}
