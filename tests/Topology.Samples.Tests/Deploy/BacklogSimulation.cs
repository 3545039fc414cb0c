namespace Topology.Samples.Tests.Deploy;

/// <summary>What waits for orchestrator when the load jumps, second by second, under the behaviour of its ScaledObject.</summary>
/// <remarks>Places are taken at once and held for a run's time; a pod that was asked for takes work half a minute later.</remarks>
internal sealed class BacklogSimulation(ScaledObject scaler, double runsPerSecond, double runSeconds, int placesOfAPod)
{
    private const int PodStartSeconds = 30;

    /// <summary>Gets the most messages that waited.</summary>
    public double Peak { get; private set; }

    /// <summary>Gets when nothing waited any more, or <see langword="null"/> when that never was.</summary>
    public int? DrainedAt { get; private set; }

    /// <summary>Gets the pods at the end.</summary>
    public int Pods { get; private set; }

    public BacklogSimulation Run(int seconds)
    {
        var spec = scaler.Spec;
        var up = spec.Advanced!.HorizontalPodAutoscalerConfig!.Behavior!.ScaleUp;
        var (window, most, period) = ((int)up.StabilizationWindowSeconds!, (int)up.Policies[0].Value, (int)up.Policies[0].PeriodSeconds);
        var threshold = double.Parse(spec.Triggers[0].Metadata["lagThreshold"], System.Globalization.CultureInfo.InvariantCulture);
        var asked = new List<(int At, int Pods)> { (-PodStartSeconds, spec.MinReplicaCount!.Value) };
        var recommended = new Queue<(int At, int Pods)>();
        double waiting = 0, inHand = 0;
        for (var second = 0; second < seconds; second++)
        {
            var pods = asked.Where(change => change.At + PodStartSeconds <= second).Max(change => change.Pods);
            inHand -= inHand / runSeconds;
            waiting += runsPerSecond;
            var taken = Math.Min(waiting, Math.Max(0, (pods * placesOfAPod) - inHand));
            (waiting, inHand) = (waiting - taken, inHand + taken);
            Peak = Math.Max(Peak, waiting);
            if (waiting > 0)
                DrainedAt = null;
            else
                DrainedAt ??= second;
            if (second % spec.PollingInterval!.Value != 0)
                continue;

            // The smallest recommendation of the window counts, and no more pods at once than the policy allows.
            recommended.Enqueue((second, (int)Math.Clamp(Math.Ceiling((waiting + inHand) / threshold), spec.MinReplicaCount.Value, spec.MaxReplicaCount!.Value)));
            while (recommended.Peek().At < second - window)
                recommended.Dequeue();
            var current = asked[^1].Pods;
            var recent = asked.LastOrDefault(change => change.At <= second - period, asked[0]).Pods;
            var next = Math.Min(recommended.Min(item => item.Pods), recent + most);
            if (second >= window && next > current)
                asked.Add((second, next));
        }

        Pods = asked[^1].Pods;
        return this;
    }
}
