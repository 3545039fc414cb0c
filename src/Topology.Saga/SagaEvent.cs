namespace Topology.Saga;

/// <summary>A fact about a saga, as its journal keeps it. The hierarchy is closed: a journal stores these and no others.</summary>
public abstract record SagaEvent
{
    private SagaEvent()
    {
    }

    /// <summary>The saga exists. Always the first event.</summary>
    /// <param name="DefinitionHash">The hash of the definition it was started with.</param>
    /// <param name="Tenant">Whom it is run for; <c>-</c> when nobody was named.</param>
    /// <param name="Input">What it was started with.</param>
    /// <param name="TraceParent">The W3C trace context of whoever started it; <see langword="null"/> when there was none.</param>
    public sealed record Started(string DefinitionHash, string Tenant, SagaValue Input, string? TraceParent) : SagaEvent;

    /// <summary>An owner has taken the saga. Whoever wrote before is fenced from here on.</summary>
    /// <param name="ItemId">The work item it is held by.</param>
    /// <param name="Redelivered">Whether an earlier owner held the same item and is gone.</param>
    public sealed record Claimed(string ItemId, bool Redelivered) : SagaEvent;

    /// <summary>A step has completed.</summary>
    /// <param name="StepId">The step.</param>
    /// <param name="Result">Its result, handed to later steps and to its compensation.</param>
    public sealed record StepCompleted(string StepId, SagaValue Result) : SagaEvent;

    /// <summary>A step has failed for good and the saga goes backward. Written before the first compensation.</summary>
    /// <param name="Failure">What failed. Unless it was rejected, its outcome is unknown and it is compensated too.</param>
    public sealed record CompensationStarted(SagaFailure Failure) : SagaEvent;

    /// <summary>A step whose outcome was unknown turned out to have completed.</summary>
    /// <param name="StepId">The step.</param>
    /// <param name="Result">Its result.</param>
    public sealed record OutcomeLearned(string StepId, SagaValue Result) : SagaEvent;

    /// <summary>A step has been undone.</summary>
    /// <param name="StepId">The step.</param>
    public sealed record StepCompensated(string StepId) : SagaEvent;

    /// <summary>A compensation has used up its tries. Its letter is published after this event and before the saga rests.</summary>
    /// <param name="Episode">How often this step's compensation has been exhausted, from 1.</param>
    /// <param name="Failure">What failed.</param>
    public sealed record CompensationExhausted(int Episode, SagaFailure Failure) : SagaEvent;

    /// <summary>A step after the pivot has used up its tries. Its letter is published after this event and before the saga rests.</summary>
    /// <param name="Episode">How often this step has been exhausted, from 1.</param>
    /// <param name="Failure">What failed.</param>
    public sealed record StepExhausted(int Episode, SagaFailure Failure) : SagaEvent;

    /// <summary>The owner has read a message.</summary>
    /// <param name="Message">The message.</param>
    /// <param name="InboxSequence">Its place in the inbox; nothing up to it is read again.</param>
    public sealed record MessageTaken(SagaMessage Message, long InboxSequence) : SagaEvent;

    /// <summary>The saga waits at a step for its signal or its time; no worker holds it. Its timer was set before.</summary>
    /// <param name="StepId">The step.</param>
    public sealed record Waiting(string StepId) : SagaEvent;

    /// <summary>The saga has ended, or rests until an operator decides.</summary>
    /// <param name="Status">Where it has come to.</param>
    /// <param name="Reason">Why, when it is parked or cancelled.</param>
    public sealed record Settled(SagaStatus Status, string? Reason = null) : SagaEvent;

    /// <summary>All that is left of a saga that has ended: enough to tell a second start. The only event of its only entry.</summary>
    /// <param name="Status">How it ended.</param>
    /// <param name="DefinitionHash">The hash of the definition it was started with.</param>
    /// <param name="Tenant">Whom it was run for.</param>
    /// <param name="InputHash">The SHA-256, in lower-case hex, of the JSON it was started with.</param>
    public sealed record Tombstone(SagaStatus Status, string DefinitionHash, string Tenant, string InputHash) : SagaEvent;

    /// <summary>What a newer version of this package wrote: whoever cannot read it leaves the saga to those who can. Never written.</summary>
    /// <param name="Kind">What it calls itself.</param>
    public sealed record Unknown(string Kind) : SagaEvent;
}
