using Microsoft.Extensions.Logging;

namespace Topology.Saga.Internal;

/// <summary>Where letters go when nobody took the port: a log line for each. Its state stays in the saga's own journal.</summary>
internal sealed class LoggingSagaLetterSink(ILogger<LoggingSagaLetterSink> logger) : ISagaLetterSink
{
    public ValueTask PublishAsync(SagaLetter letter, CancellationToken cancellationToken)
    {
        Log.Letter(logger, letter.Id, letter.SagaId, letter.Failure.StepId, letter.Episode, letter.Failure.ErrorType);
        return default;
    }

    public ValueTask CloseAsync(string letterId, CancellationToken cancellationToken) => default;
}
