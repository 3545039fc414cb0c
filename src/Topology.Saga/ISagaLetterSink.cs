namespace Topology.Saga;

/// <summary>Takes the letters of sagas to where operators look. Safe for concurrent use.</summary>
public interface ISagaLetterSink
{
    /// <summary>Publishes a letter unless one with its id exists. Durable when it returns; a saga does not rest before.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="cancellationToken">Ends the wait; the letter may be published all the same.</param>
    ValueTask PublishAsync(SagaLetter letter, CancellationToken cancellationToken);

    /// <summary>Closes a letter whose matter is settled, or was followed by a later letter. Closing twice is harmless.</summary>
    /// <param name="letterId">The letter's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask CloseAsync(string letterId, CancellationToken cancellationToken);
}
