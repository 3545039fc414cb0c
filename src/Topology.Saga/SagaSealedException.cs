namespace Topology.Saga;

/// <summary>Thrown by an effect guard when an effect may not run, or not complete, because its key was sealed.</summary>
public sealed class SagaSealedException : SagaException
{
    /// <summary>Initializes a new instance of the <see cref="SagaSealedException"/> class.</summary>
    public SagaSealedException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaSealedException"/> class.</summary>
    /// <param name="message">Which key.</param>
    public SagaSealedException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaSealedException"/> class.</summary>
    /// <param name="message">Which key.</param>
    /// <param name="innerException">The cause.</param>
    public SagaSealedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
