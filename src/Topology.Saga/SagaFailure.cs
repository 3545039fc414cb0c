namespace Topology.Saga;

/// <summary>Why a step or a compensation failed. Immutable; holds no payload.</summary>
/// <param name="StepId">The step.</param>
/// <param name="ErrorType">The full name of the last exception's type.</param>
/// <param name="Message">The last exception's message.</param>
/// <param name="Rejected">Whether the step was refused for certain, so that it had no effect.</param>
/// <param name="Attempts">The number of tries made by the owner that gave up.</param>
public sealed record SagaFailure(string StepId, string ErrorType, string Message, bool Rejected, int Attempts)
{
    internal static SagaFailure From(string stepId, Exception error, bool rejected, int attempts) =>
        new(stepId, error.GetType().FullName ?? error.GetType().Name, error.Message, rejected, attempts);
}
