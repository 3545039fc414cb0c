using Microsoft.Extensions.Logging;

namespace Topology.Saga.Internal;

internal static partial class Log
{
    [LoggerMessage(1200, LogLevel.Debug, "Saga {SagaId}: {Direction} {StepId} failed on try {Attempt} with {ErrorType}; the next is in {Delay}.")]
    public static partial void TryFailed(ILogger logger, SagaId sagaId, string stepId, string direction, int attempt, TimeSpan delay, string errorType);

    [LoggerMessage(1201, LogLevel.Information, "Saga {SagaId}: step {StepId} failed after {Attempts} tries with {ErrorType} ({Outcome}); compensation begins.")]
    public static partial void StepFailed(ILogger logger, SagaId sagaId, string stepId, int attempts, string errorType, string outcome);

    [LoggerMessage(1202, LogLevel.Error, "Saga {SagaId}: step {StepId} failed after {Attempts} tries with {ErrorType} past the point of no return. The saga is stuck until an operator retries it.")]
    public static partial void StepExhausted(ILogger logger, SagaId sagaId, string stepId, int attempts, string errorType);

    [LoggerMessage(1203, LogLevel.Error, "Saga {SagaId}: compensation {Action} of step {StepId} failed after {Attempts} tries with {ErrorType}. An operator must retry it, skip it or mark it done.")]
    public static partial void CompensationExhausted(ILogger logger, SagaId sagaId, string stepId, string action, int attempts, string errorType);

    [LoggerMessage(1204, LogLevel.Information, "Saga {SagaId} has another owner; this one let go.")]
    public static partial void Fenced(ILogger logger, SagaId sagaId);

    [LoggerMessage(1205, LogLevel.Error, "Saga {SagaId} was given back and will be handed out again.")]
    public static partial void RunFailed(ILogger logger, Exception error, SagaId sagaId);

    [LoggerMessage(1206, LogLevel.Error, "The saga worker lost its queue and begins again.")]
    public static partial void WorkerFailed(ILogger logger, Exception error);

    [LoggerMessage(1207, LogLevel.Warning, "Saga {SagaId}: append {Attempt} was not answered; it is sent again.")]
    public static partial void AppendUnanswered(ILogger logger, Exception error, SagaId sagaId, int attempt);

    [LoggerMessage(1208, LogLevel.Warning, "Saga {SagaId}: an observer failed.")]
    public static partial void ObserverFailed(ILogger logger, Exception error, SagaId sagaId);

    [LoggerMessage(1210, LogLevel.Warning, "Saga {SagaId} was taken over from an owner that is gone; {Takeovers} times since it last got on.")]
    public static partial void TookOver(ILogger logger, SagaId sagaId, int takeovers);

    [LoggerMessage(1211, LogLevel.Error, "Saga {SagaId} is parked. {Reason} An operator must retry it.")]
    public static partial void Parked(ILogger logger, SagaId sagaId, string reason);

    [LoggerMessage(1212, LogLevel.Information, "Saga {SagaId} turns back at step {StepId}: {Cause}.")]
    public static partial void TurnedBack(ILogger logger, SagaId sagaId, string stepId, string cause);

    [LoggerMessage(1213, LogLevel.Error, "Saga '{Saga}': its changed compensation table is not used, the last good one stays. {Faults}")]
    public static partial void TableKept(ILogger logger, string saga, string faults);

    [LoggerMessage(1209, LogLevel.Error, "Letter {LetterId}: saga {SagaId}, step {StepId}, episode {Episode}, {ErrorType}. Decide with ISagaOperator.")]
    public static partial void Letter(ILogger logger, string letterId, SagaId sagaId, string stepId, int episode, string errorType);

    [LoggerMessage(1214, LogLevel.Error, "Sagas that ended long ago could not all be cleared away; the next look is made as planned.")]
    public static partial void SweepFailed(ILogger logger, Exception error);

    [LoggerMessage(1215, LogLevel.Critical, "The saga worker's loop has been silent for {Silence}: its dispatcher hangs.")]
    public static partial void LoopSilent(ILogger logger, TimeSpan silence);
}
