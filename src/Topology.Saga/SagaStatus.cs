namespace Topology.Saga;

/// <summary>Where a saga is.</summary>
public enum SagaStatus
{
    /// <summary>Steps are being run, or the saga waits for a worker.</summary>
    Running,

    /// <summary>The saga waits for a signal or a time; no worker holds it.</summary>
    Waiting,

    /// <summary>Compensations are being run.</summary>
    Compensating,

    /// <summary>Every step has completed. Final.</summary>
    Completed,

    /// <summary>Everything that was done has been undone. Final.</summary>
    Compensated,

    /// <summary>At least one compensation used up its tries. Rests until an operator retries, skips or marks it done.</summary>
    CompensationFailed,

    /// <summary>A step after the point of no return used up its tries. Rests until an operator retries it.</summary>
    Stuck,

    /// <summary>Cancelled before anything was tried, or without undoing what was done. Final.</summary>
    Cancelled,

    /// <summary>Left alone, because no worker got on with it or none knows its definition. Rests until an operator retries it.</summary>
    Parked,
}
