namespace Topology.Dlq;

/// <summary>Tells people about letters. Thread safe.</summary>
public interface IDeadLetterAlertSink
{
    /// <summary>Gets the sink's name, unique among the sinks of a process and stable between releases.</summary>
    string Name { get; }

    /// <summary>Sends an alert. Throwing makes it be sent again later, to this sink alone.</summary>
    /// <param name="alert">The alert.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken);
}
