namespace Topology.Saga;

/// <summary>The base of the exceptions this package throws.</summary>
public class SagaException : Exception
{
    /// <summary>Initializes a new instance of the <see cref="SagaException"/> class.</summary>
    public SagaException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaException"/> class.</summary>
    /// <param name="message">What went wrong and what to do.</param>
    public SagaException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaException"/> class.</summary>
    /// <param name="message">What went wrong and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public SagaException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
