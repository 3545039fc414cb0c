using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Topology.Retry.Internal;

/// <summary>Builds the policies once and, on any change of options, builds each profile anew and swaps it, or keeps the last good one.</summary>
internal sealed class RetryPolicies : IRetryPolicies, IDisposable
{
    private readonly IOptionsFactory<RetryOptions> _options;
    private readonly IOptionsFactory<RetryProfileOptions> _profiles;
    private readonly IOptionsFactory<RetryBudgetOptions> _budgetSizes;
    private readonly TimeProvider? _timeProvider;
    private readonly RetryMetrics _metrics;
    private readonly ILogger _logger;
    private readonly List<IDisposable> _subscriptions = [];
    private readonly Lock _building = new();
    private readonly ConcurrentDictionary<string, RetryPolicy> _policies = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RetryBudget> _budgets = new(StringComparer.Ordinal);
    private Func<double>? _random;

    public RetryPolicies(
        IOptionsFactory<RetryOptions> options,
        IOptionsFactory<RetryProfileOptions> profiles,
        IOptionsFactory<RetryBudgetOptions> budgets,
        IEnumerable<IOptionsChangeTokenSource<RetryOptions>> optionsChanges,
        IEnumerable<IOptionsChangeTokenSource<RetryProfileOptions>> profileChanges,
        IEnumerable<IOptionsChangeTokenSource<RetryBudgetOptions>> budgetChanges,
        RetryMetrics metrics,
        TimeProvider? timeProvider = null,
        ILoggerFactory? loggerFactory = null)
    {
        _options = options;
        _profiles = profiles;
        _budgetSizes = budgets;
        _metrics = metrics;
        _timeProvider = timeProvider;
        _logger = loggerFactory?.CreateLogger<RetryPolicy>() ?? (ILogger)NullLogger.Instance;
        Build();
        Subscribe(optionsChanges.Select(static source => (Func<IChangeToken>)source.GetChangeToken));
        Subscribe(profileChanges.Select(static source => (Func<IChangeToken>)source.GetChangeToken));
        Subscribe(budgetChanges.Select(static source => (Func<IChangeToken>)source.GetChangeToken));
    }

    public IReadOnlyCollection<string> Names => [.. _policies.Keys.Order(StringComparer.Ordinal)];

    public RetryPolicy Get(string name) => TryGet(name, out var policy)
        ? policy
        : throw new UnknownRetryProfileException(name, Names, NearestName.Of(name, Names));

    public bool TryGet(string name, [NotNullWhen(true)] out RetryPolicy? policy)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _policies.TryGetValue(name, out policy);
    }

    public void Dispose() => _subscriptions.ForEach(static subscription => subscription.Dispose());

    private void Subscribe(IEnumerable<Func<IChangeToken>> sources) =>
        _subscriptions.AddRange(sources.Select(source => ChangeToken.OnChange(source, Reload)));

    private void Build()
    {
        var options = _options.Create(Options.DefaultName);
        _random = options.Random;
        foreach (var name in options.ProfileNames)
        {
            Apply(name);
        }
    }

    private void Reload()
    {
        lock (_building)
        {
            IEnumerable<string> names = _policies.Keys;
            try
            {
                names = names.Union(_options.Create(Options.DefaultName).ProfileNames, StringComparer.Ordinal);
            }
            catch (Exception)
            {
                // One of the profiles is at fault; each is tried below and says so itself.
            }

            foreach (var name in names.ToList())
            {
                try
                {
                    Apply(name);
                }
                catch (Exception exception)
                {
                    _metrics.ReloadFailed(name);
                    Log.ReloadRefused(_logger, exception, name);
                }
            }
        }
    }

    private void Apply(string name)
    {
        var options = _profiles.Create(name);
        var budget = options.Budget is { } budgetName ? BudgetOf(budgetName) : null;
        if (_policies.TryGetValue(name, out var policy))
        {
            policy.Update(options, budget);
        }
        else
        {
            _policies[name] = new RetryPolicy(options, name, budget, _timeProvider, _random, _logger, _metrics);
        }
    }

    private RetryBudget BudgetOf(string name)
    {
        var size = _budgetSizes.Create(name);
        if (_budgets.TryGetValue(name, out var budget))
        {
            budget.Resize(size);
        }
        else
        {
            budget = _budgets[name] = new RetryBudget(size, name);
            _metrics.Watch(budget);
        }

        return budget;
    }
}
