using System.Globalization;

namespace Topology.Idempotency.Chaos;

/// <summary>What came of one key of a race, judged by what is promised and by nothing that depends on how busy the machine is.</summary>
/// <param name="Runs">Each execution's fence, and whether it took over.</param>
/// <param name="Accepted">The fences of the owners whose result the store accepted.</param>
/// <param name="Stored">The fence inside the result that is stored in the end; <see langword="null"/> for none.</param>
public sealed record RacedKey(IReadOnlyList<(long Fence, bool TookOver)> Runs, IReadOnlyList<long> Accepted, long? Stored)
{
    /// <summary>Gets how often an owner that could not renew its lease in time was followed by another one: allowed, and seen on a busy machine.</summary>
    public int TakeOvers => Math.Max(0, Runs.Count - 1);

    /// <summary>Gets whether two owners' results were accepted, or one that ran is not what is stored.</summary>
    public bool IsContradictory => Accepted.Count > 1 || (Accepted.Count == 1 && Accepted[0] != Stored) || Runs.All(run => run.Fence != Stored);

    /// <summary>Gets whether the work ran again without the lease before having run out.</summary>
    /// <remarks>
    /// A fence is the server's time in microseconds, so two of them tell how far apart the claims were. A first one is estimated by its
    /// client and may be off by as long as an answer takes: half of the lease is room enough for that.
    /// </remarks>
    public bool IsDuplicate(TimeSpan lease)
    {
        var runs = Runs.OrderBy(run => run.Fence).ToArray();
        return runs.Zip(runs.Skip(1)).Any(pair => !pair.Second.TookOver || pair.Second.Fence - pair.First.Fence < lease.TotalMicroseconds / 2);
    }

    /// <summary>Writes an execution as <see cref="Parse"/> reads it.</summary>
    public static string Run(IdempotencyContext context) =>
        string.Create(CultureInfo.InvariantCulture, $"{context.Fence}{(context.TookOver ? "t" : "")}");

    /// <summary>Reads what the processes wrote down, and the body of the stored result.</summary>
    public static RacedKey Parse(IEnumerable<string> runs, IEnumerable<string> accepted, string? stored) => new(
        [.. runs.Select(run => (long.Parse(run.TrimEnd('t'), CultureInfo.InvariantCulture), run.EndsWith('t')))],
        [.. accepted.Select(fence => long.Parse(fence, CultureInfo.InvariantCulture))],
        stored is null ? null : long.Parse(stored.AsSpan(stored.IndexOf(' ') + 1), CultureInfo.InvariantCulture));
}
