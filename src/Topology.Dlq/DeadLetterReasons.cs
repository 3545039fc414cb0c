namespace Topology.Dlq;

/// <summary>The reasons this package gives. A publisher may use its own short codes beside them.</summary>
public static class DeadLetterReasons
{
    /// <summary>The handler failed as often as it may.</summary>
    public const string MaxAttempts = "max-attempts";

    /// <summary>The handler said that the message can never succeed.</summary>
    public const string Rejected = "rejected";

    /// <summary>The handler ended its process, or never gave a verdict, as often as it may.</summary>
    public const string CrashLoop = "crash-loop";

    /// <summary>The message cannot be read.</summary>
    public const string Undecodable = "undecodable";

    /// <summary>A compensation used up its tries.</summary>
    public const string CompensationExhausted = "compensation-exhausted";

    /// <summary>A saga can go neither forward nor back.</summary>
    public const string SagaStuck = "saga-stuck";

    /// <summary>The message was put into the queue's subject by another program, without this package's headers.</summary>
    public const string External = "external";

    /// <summary>A consumer that is not guarded gave the message up.</summary>
    public const string Stranded = "stranded";

    /// <summary>Of an alert, not of a letter: the queue has no room, and the message stays in its stream.</summary>
    public const string QueueFull = "queue-full";

    internal static string Tag(string reason) => reason switch
    {
        MaxAttempts or Rejected or CrashLoop or Undecodable or CompensationExhausted or SagaStuck or External or Stranded => reason,
        _ => "other",
    };
}
