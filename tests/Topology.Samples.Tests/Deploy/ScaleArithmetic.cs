using System.Globalization;
using Platform.ServiceDefaults;
using Topology.Saga;

namespace Topology.Samples.Tests.Deploy;

/// <summary>What follows from the costs of one run and from the settings, at the specification's load and at multiples of it.</summary>
internal static class ScaleArithmetic
{
    /// <summary>The specification's load: a thousand requests a minute, each a run.</summary>
    public const double RunsPerSecond = 1000 / 60.0;

    /// <summary>How long a run takes, for what depends on it: four steps of a second.</summary>
    public const double RunSeconds = 4;

    public static readonly double[] Loads = [1, 10, 100, 10_000];

    private static readonly double TombstoneSeconds = new SagaOptions().TombstoneAge.TotalSeconds;

    /// <summary>The sockets of the specification: its most pods, each with what the autoscaler aims at.</summary>
    private static readonly double Sockets = Specification.Number("realtime/maxReplicas") * (double)Specification.Number("realtime/metrics/1/pods/target/averageValue");

    /// <summary>Returns the rows of the table, as the page has them.</summary>
    public static IEnumerable<string> Rows(IReadOnlyDictionary<string, double> cost)
    {
        var ttl = Specification.Seconds("idempotency/ttl");
        var messages = cost.Where(item => item.Key.StartsWith("messages to ", StringComparison.Ordinal)).Sum(item => item.Value);
        var stateSeconds = StreamPlan.RunStates.Config.MaxAge.TotalSeconds;
        yield return Row("runs a second", load => Count(load * RunsPerSecond));
        yield return Row("commands to Redis a second", load => Count(load * RunsPerSecond * cost["commands to Redis"]));
        yield return Row($"clients' records in Redis, {ttl / 3600:0} h", load => Bytes(load * RunsPerSecond * ttl * cost["bytes of clients in Redis"]));
        yield return Row($"effects' records in Redis, {TombstoneSeconds / 86_400:0} days", load => Bytes(load * RunsPerSecond * TombstoneSeconds * cost["bytes of effects in Redis"]));
        yield return Row("messages to JetStream a second", load => Count(load * RunsPerSecond * messages));
        yield return Row($"latest states, {stateSeconds / 86_400:0} days", load => Bytes(load * RunsPerSecond * stateSeconds * cost["bytes in RUN_STATE"]));
        yield return Row($"histories of sagas, {new SagaOptions().HistoryAge.TotalDays:0} day", load => Bytes(load * RunsPerSecond * new SagaOptions().HistoryAge.TotalSeconds * cost["bytes in TOPOLOGY_SAGA_LOG"]));
        yield return Row("runs under way", load => Count(load * RunsPerSecond * RunSeconds));
        yield return Row("orchestrator pods, by places", load => Count(Math.Ceiling(load * RunsPerSecond * RunSeconds / new SagaOptions().MaxConcurrentSagas)));
        yield return Row("orchestrator pods, by the threshold of 10", load => Count(Math.Ceiling(load * RunsPerSecond * RunSeconds / Specification.Number("orchestrator/triggers/0/metadata/queueLength"))));
        yield return Row("sockets", load => Count(load * Sockets));
        yield return Row("realtime pods, 100 sockets each", load => Count(load * Sockets / 100));
        yield return Row("realtime pods, 1000 sockets each", load => Count(Math.Ceiling(load * Sockets / Specification.Number("websocket/connection_pool"))));
    }

    public static string Count(double value) => Scaled(value, "", [("G", 1e9), ("M", 1e6), ("k", 1e4)]);

    public static string Bytes(double value) => Scaled(value, " B", [("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)]);

    private static string Row(string what, Func<double, string> at) => $"| {what} | {string.Join(" | ", Loads.Select(at))} |";

    private static string Scaled(double value, string unit, (string Name, double From)[] steps)
    {
        foreach (var (name, from) in steps)
        {
            if (value >= from)
                return Digits(value / (name == "k" ? 1e3 : from)) + " " + name + unit.TrimStart();
        }

        return Digits(value) + unit;
    }

    // Two digits that mean something: the figures are not known better.
    private static string Digits(double value)
    {
        var step = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(value, 1))) - 1);
        return (Math.Round(value / step) * step).ToString("0.#", CultureInfo.InvariantCulture);
    }
}
