using Topology.Retry;

namespace Topology.Benchmarks.Retry;

/// <summary>
/// A deterministic retry storm. 10,000 clients in 100 processes call one server, think 10 s, and call again. The server does 1,250 calls
/// a second, first come first served, and is down from second 60 to 120. A client gives a try up after 2 s, but the server still does its work:
/// that is what keeps an overloaded server from recovering. Waits and budgets are the package's own code on a fixed random seed.
/// </summary>
internal sealed class RetryStorm
{
    public const int OutageBegins = 60;
    public const int OutageEnds = 120;
    public const int Seconds = 420;
    public const double Capacity = 1_250;

    private const int Clients = 10_000;
    private const int Processes = 100;
    private const int MaxAttempts = 5;
    private const double Think = 10;
    private const double TryTimeout = 2;
    private const double LongestQueue = 10;

    private readonly PriorityQueue<int, (double Time, long Order)> _due = new();
    private readonly Func<int, TimeSpan, TimeSpan> _delay;
    private readonly RetryBudget[]? _budgets;
    private readonly int[] _failed = new int[Clients];
    private readonly TimeSpan[] _waited = new TimeSpan[Clients];
    private readonly bool?[] _ending = new bool?[Clients];
    private double _serverFree;
    private long _order;

    private RetryStorm(Func<int, TimeSpan, TimeSpan> delay, bool budget)
    {
        _delay = delay;
        _budgets = budget ? [.. Enumerable.Range(0, Processes).Select(process => new RetryBudget(new RetryBudgetOptions(), $"process {process}"))] : null;
    }

    /// <summary>Gets the calls that reached the server, second by second.</summary>
    public int[] Calls { get; } = new int[Seconds];

    /// <summary>Gets the calls that succeeded, second by second.</summary>
    public int[] Successes { get; } = new int[Seconds];

    /// <summary>Gets the calls that failed, second by second.</summary>
    public int[] Failures { get; } = new int[Seconds];

    /// <summary>Gets the calls of the whole outage.</summary>
    public int CallsInOutage => Calls[OutageBegins..OutageEnds].Sum();

    /// <summary>Gets the largest load of any second from the outage on.</summary>
    public int PeakCalls => Calls[OutageBegins..].Max();

    /// <summary>Gets the seconds after the outage until at most 1 % of calls fail for 30 s on end; <see langword="null"/> when that never came.</summary>
    public int? RecoverySeconds
    {
        get
        {
            for (var second = OutageEnds; second + 30 <= Seconds; second++)
            {
                var failed = Failures[second..(second + 30)].Sum();
                if (failed <= 0.01 * (failed + Successes[second..(second + 30)].Sum()))
                {
                    return second - OutageEnds;
                }
            }

            return null;
        }
    }

    public static IReadOnlyList<(string Name, RetryStorm Storm)> RunAll() =>
    [
        ("spec's loop", Run(null, budget: false)),
        ("equal jitter", Run(RetryJitter.Equal, budget: false)),
        ("budget", Run(RetryJitter.Proportional(0.1), budget: true)),
        ("equal jitter + budget", Run(RetryJitter.Equal, budget: true)),
    ];

    private static RetryStorm Run(RetryJitter? jitter, bool budget)
    {
        var random = new Random(20);
        var options = RetryProfileOptions.ForProfile(RetryProfileNames.ApiCalls);
        options.Jitter = jitter ?? RetryJitter.None;
        var policy = new RetryPolicy(options, RetryProfileNames.ApiCalls, random: random.NextDouble);
        var storm = new RetryStorm(jitter is null ? SpecDelay : policy.NextDelay, budget);
        storm.Run(random);
        return storm;

        // The specification's loop, line by line: its "±10 %" is ±5 %.
        TimeSpan SpecDelay(int failed, TimeSpan previous)
        {
            var delay = Math.Min(0.5 * Math.Pow(2, failed - 1), 30);
            return TimeSpan.FromSeconds(delay + (delay * 0.1 * (random.NextDouble() - 0.5)));
        }
    }

    private void Run(Random random)
    {
        for (var client = 0; client < Clients; client++)
        {
            At(random.NextDouble() * Think, client);
        }

        while (_due.TryDequeue(out var client, out var when) && when.Time < Seconds)
        {
            if (_ending[client] is { } succeeded)
            {
                _ending[client] = null;
                End(client, when.Time, succeeded);
            }
            else
            {
                Call(client, when.Time);
            }
        }
    }

    private void Call(int client, double now)
    {
        Calls[(int)now]++;
        if (now is >= OutageBegins and < OutageEnds || _serverFree - now > LongestQueue)
        {
            // Refused at once: down, or its queue is full.
            _ending[client] = false;
            At(now + 0.005, client);
            return;
        }

        _serverFree = Math.Max(now, _serverFree) + (1 / Capacity);
        _ending[client] = _serverFree - now <= TryTimeout;
        At(Math.Min(_serverFree, now + TryTimeout), client);
    }

    private void End(int client, double now, bool succeeded)
    {
        var second = Math.Min((int)now, Seconds - 1);
        var budget = _budgets?[client % Processes];
        if (succeeded)
        {
            Successes[second]++;
            budget?.Credit();
        }
        else
        {
            Failures[second]++;
            if (++_failed[client] < MaxAttempts && budget?.TryTake() != false)
            {
                _waited[client] = _delay(_failed[client], _waited[client]);
                At(now + _waited[client].TotalSeconds, client);
                return;
            }
        }

        _failed[client] = 0;
        _waited[client] = TimeSpan.Zero;
        At(now + Think, client);
    }

    private void At(double time, int client) => _due.Enqueue(client, (time, _order++));
}
