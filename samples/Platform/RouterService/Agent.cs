namespace Platform.RouterService;

/// <summary>One row of the table: an agent on a model, what it costs, and how it has done so far.</summary>
/// <param name="name">The agent.</param>
/// <param name="model">Its model.</param>
/// <param name="costPer1K">Its price for 1000 tokens, in US dollars.</param>
/// <param name="latency">What a call takes at first, in milliseconds; then what calls took.</param>
/// <param name="time">The clock.</param>
/// <param name="tasks">What it can do; empty for everything.</param>
internal sealed class Agent(string name, string model, double costPer1K, double latency, TimeProvider time, params string[] tasks)
{
    // A tenth of each new call: ten calls make an old habit a third of what is believed.
    private const double Weight = 0.1;

    // Who is not asked any more is forgiven with time, or nobody would ever see that it recovered.
    private static readonly TimeSpan HalfLife = TimeSpan.FromSeconds(30);
    private readonly Lock _lock = new();
    private double _latency = latency;
    private double _failures;
    private long _recorded = time.GetTimestamp();

    public string Name => name;

    public string Model => model;

    /// <summary>Gets the share of calls that failed lately, from 0 to 1.</summary>
    public double Failures
    {
        get
        {
            lock (_lock)
            {
                return FailuresNow();
            }
        }
    }

    /// <summary>Gets what a call is expected to cost, lower is better: the price and the time of a good answer.</summary>
    /// <remarks>A second is worth a cent. An agent that fails half its calls is asked twice for one answer.</remarks>
    public double Score
    {
        get
        {
            lock (_lock)
            {
                return (costPer1K + _latency / 1000 * 0.01) / Math.Max(1 - FailuresNow(), 0.01);
            }
        }
    }

    public bool CanDo(string task) => tasks.Length == 0 || tasks.Contains(task, StringComparer.Ordinal);

    public void Record(TimeSpan took, bool failed)
    {
        lock (_lock)
        {
            _latency += (took.TotalMilliseconds - _latency) * Weight;
            var failures = FailuresNow();
            _failures = failures + ((failed ? 1 : 0) - failures) * Weight;
            _recorded = time.GetTimestamp();
        }
    }

    private double FailuresNow() => _failures * Math.Pow(0.5, time.GetElapsedTime(_recorded) / HalfLife);
}
