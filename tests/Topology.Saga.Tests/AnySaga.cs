using FsCheck;
using FsCheck.Fluent;

namespace Topology.Saga.Tests;

/// <summary>Random definitions with random faults, random crashes, and random things said to them.</summary>
internal static class AnySaga
{
    public static Gen<(CrashPoint Point, int Number)?> Crashes() =>
        from point in Gen.Elements(CrashPoint.BeforeAppend, CrashPoint.AfterAppend, CrashPoint.AfterEffect)
        from number in Gen.Choose(1, 12)
        select ((CrashPoint, int)?)(point, number);

    /// <summary>Something that happens before or after an append.</summary>
    public static Gen<Intrusion> Intrusions() =>
        from kind in Gen.Elements(IntrusionKind.None, IntrusionKind.Cancel, IntrusionKind.CancelAndLeave, IntrusionKind.Deadline, IntrusionKind.Signal)
        from append in Gen.Choose(1, 14)
        from after in Gen.Elements(true, false)
        select new Intrusion(kind, append, after);

    public static Gen<Scenario> Scenarios(bool waits)
    {
        var outcome = Gen.Elements("ok", "ok", "ok", "ok", "transient", "timeout", "reject");
        var undo = Gen.Elements("ok", "ok", "fail");
        var script = Gen.NonEmptyListOf(outcome).Select(list => list.Take(3).ToArray());
        var compensation =
            from retries in Gen.Choose(0, 2)
            from outcomes in Gen.NonEmptyListOf(undo)
            from halt in Gen.Elements("continue", "continue", "halt")
            select new ScenarioCompensation(retries, [.. outcomes.Take(3)], halt);
        var wait = waits ? Gen.Elements(null, null, null, "signal", "late_signal", "delay") : Gen.Constant((string?)null);
        return
            from count in Gen.Choose(1, 6)
            from pivot in Gen.Choose(0, 12)
            from attempts in Gen.ArrayOf(script, count)
            from max in Gen.ArrayOf(Gen.Choose(1, 3), count)
            from compensations in Gen.ArrayOf(compensation, count)
            from undoes in Gen.ArrayOf(Gen.Elements(true, true, true, false), count)
            from kinds in Gen.ArrayOf(wait, count)
            select new Scenario(
                "random",
                [
                    .. Enumerable.Range(0, count).Select(i =>
                    {
                        var kind = i == pivot ? "pivot" : kinds[i] ?? (i > pivot ? "retriable" : undoes[i] ? "comp" : "nocomp");
                        return new ScenarioStep($"s{i}", kind, attempts[i], max[i], kind == "comp" ? compensations[i] : null);
                    }),
                ],
                new([], "", null, [], []));
    }
}

internal enum IntrusionKind
{
    None,
    Cancel,
    CancelAndLeave,
    Deadline,
    Signal,
}

internal sealed record Intrusion(IntrusionKind Kind, int Append, bool After);
