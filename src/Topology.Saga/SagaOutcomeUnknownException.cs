namespace Topology.Saga;

/// <summary>Thrown by a step that knows that it may or may not have had an effect, as after a lost answer.</summary>
/// <remarks>Any exception but <see cref="SagaRejectedException"/> means that; this one says so by name. It is tried again.</remarks>
public sealed class SagaOutcomeUnknownException : SagaException
{
    /// <summary>Initializes a new instance of the <see cref="SagaOutcomeUnknownException"/> class.</summary>
    public SagaOutcomeUnknownException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaOutcomeUnknownException"/> class.</summary>
    /// <param name="message">What is not known.</param>
    public SagaOutcomeUnknownException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaOutcomeUnknownException"/> class.</summary>
    /// <param name="message">What is not known.</param>
    /// <param name="innerException">The cause.</param>
    public SagaOutcomeUnknownException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
