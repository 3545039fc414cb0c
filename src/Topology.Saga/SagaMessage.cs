namespace Topology.Saga;

/// <summary>What others have to say to a saga. The hierarchy is closed: an inbox stores these and no others.</summary>
public abstract record SagaMessage
{
    private SagaMessage()
    {
    }

    /// <summary>Gets the W3C trace context of whoever said it; <see langword="null"/> when there was none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>An operator decides about an exhausted step or compensation, or about a parked saga.</summary>
    /// <param name="Verb">The decision.</param>
    /// <param name="StepId">The step.</param>
    /// <param name="Actor">Who decided.</param>
    /// <param name="Reason">Why.</param>
    /// <param name="NewInput">
    /// For <see cref="SagaVerb.Retry"/>: what the saga's input is from now on; <see langword="null"/> leaves it. New input is a new key.
    /// </param>
    public sealed record Decision(SagaVerb Verb, string StepId, string Actor, string Reason, SagaValue? NewInput = null) : SagaMessage
    {
        /// <summary>Gets the version of the saga that was decided about, as <see cref="SagaSnapshot.Version"/> told it.</summary>
        /// <value>0 when none is named: then <see cref="ISagaOperator.DecideAsync"/> names the present one.</value>
        /// <remarks>What came to rest later than that is not touched, so a decision sent twice, or found late, decides once.</remarks>
        public long Seen { get; init; }
    }

    /// <summary>The saga is to end without completing. Past its point of no return it goes on all the same.</summary>
    /// <param name="Compensate">Whether what was done is undone.</param>
    /// <param name="Actor">Who asked.</param>
    /// <param name="Reason">Why.</param>
    public sealed record Cancellation(bool Compensate, string Actor, string Reason) : SagaMessage;

    /// <summary>Something a step of the saga waits for, or will wait for.</summary>
    /// <param name="Name">The signal's name.</param>
    /// <param name="Value">What came with it.</param>
    public sealed record Signal(string Name, SagaValue Value) : SagaMessage;

    /// <summary>What a newer version of this package said: whoever cannot read it leaves the saga to those who can. Never posted.</summary>
    /// <param name="Kind">What it calls itself.</param>
    public sealed record Unknown(string Kind) : SagaMessage;
}
