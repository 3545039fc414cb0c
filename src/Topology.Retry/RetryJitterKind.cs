namespace Topology.Retry;

/// <summary>The rule by which a wait <c>d</c> is spread.</summary>
public enum RetryJitterKind
{
    /// <summary>The wait is <c>d</c>.</summary>
    None,

    /// <summary>Uniform in [<c>d</c>(1−p), min(<c>d</c>(1+p), max)].</summary>
    Proportional,

    /// <summary>Uniform in [<c>d</c>/2, <c>d</c>].</summary>
    Equal,

    /// <summary>Uniform in [0, <c>d</c>].</summary>
    Full,

    /// <summary>Uniform in [base, min(max, 3 · previous wait)].</summary>
    Decorrelated,
}
