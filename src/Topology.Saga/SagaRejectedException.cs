namespace Topology.Saga;

/// <summary>Thrown by a step that was refused for certain: it had no effect, and trying again would not help.</summary>
/// <remarks>
/// The only failure after which the step itself is not compensated. Throw it for a declined card, never for a timeout or a broken
/// connection: after those nobody knows whether the effect happened.
/// </remarks>
public sealed class SagaRejectedException : SagaException
{
    /// <summary>Initializes a new instance of the <see cref="SagaRejectedException"/> class.</summary>
    public SagaRejectedException()
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaRejectedException"/> class.</summary>
    /// <param name="message">Why the step was refused.</param>
    public SagaRejectedException(string message)
        : base(message)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="SagaRejectedException"/> class.</summary>
    /// <param name="message">Why the step was refused.</param>
    /// <param name="innerException">The cause.</param>
    public SagaRejectedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
