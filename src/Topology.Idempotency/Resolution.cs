namespace Topology.Idempotency;

/// <summary>What somebody found out about work whose outcome was unknown.</summary>
public sealed class Resolution
{
    private Resolution(bool isUnknown, bool happened, StoredResult? result)
    {
        IsUnknown = isUnknown;
        Happened = happened;
        Result = result;
    }

    /// <summary>Gets the answer that nothing was found out: the record stays as it is.</summary>
    public static Resolution Unknown { get; } = new(true, false, null);

    /// <summary>Gets the answer that the work did not happen: the next claim runs it.</summary>
    public static Resolution NotDone { get; } = new(false, false, null);

    /// <summary>Gets the answer that the work happened and its result is not known.</summary>
    public static Resolution DoneWithoutResult { get; } = new(false, true, null);

    /// <summary>Gets whether nothing was found out.</summary>
    public bool IsUnknown { get; }

    /// <summary>Gets whether the work happened.</summary>
    public bool Happened { get; }

    /// <summary>Gets the result of the work, when it is known.</summary>
    public StoredResult? Result { get; }

    /// <summary>Makes the answer that the work happened with this result.</summary>
    /// <param name="result">The result.</param>
    public static Resolution Done(StoredResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return new Resolution(false, true, result);
    }
}
