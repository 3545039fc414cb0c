using System.Collections.Concurrent;
using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>The definitions and actions this process has registered, checked against each other.</summary>
internal sealed class SagaRegistry : IDisposable
{
    private readonly Dictionary<string, SagaCompensationRegistration> _actions;
    private readonly IDisposable? _changes;
    private readonly ILogger<SagaRegistry> _logger;
    private readonly IRetryPolicies _retries;
    private readonly Lazy<ConcurrentDictionary<string, SagaTable>> _tables;

    public SagaRegistry(
        IEnumerable<SagaDefinition> definitions,
        IEnumerable<SagaCompensationRegistration> actions,
        IOptionsMonitor<SagaCompensationTableOptions> options,
        IRetryPolicies retries,
        ILogger<SagaRegistry> logger)
    {
        _logger = logger;
        _retries = retries;
        _actions = actions.DistinctBy(a => a.Name, StringComparer.Ordinal).ToDictionary(a => a.Name, StringComparer.Ordinal);
        Definitions = definitions.DistinctBy(definition => (definition.Name, definition.Hash))
            .ToLookup(definition => definition.Name, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        _tables = new(() => Check([.. definitions], [.. actions], options));
        _changes = options.OnChange(Change);
    }

    public FrozenDictionary<string, SagaDefinition> Definitions { get; }

    public SagaTable Table(SagaDefinition definition) => _tables.Value[definition.Name];

    /// <exception cref="SagaDefinitionException">Something does not fit; lists every fault.</exception>
    public void Check() => _ = _tables.Value;

    public SagaDefinition Definition(string name) => Definitions.TryGetValue(name, out var definition)
        ? definition
        : throw new SagaException(
            $"The saga definition '{name}' is not registered in this process; it knows {(Definitions.Count == 0 ? "none" : string.Join(", ", Definitions.Keys))}. Add AddSaga(definition).");

    public void Dispose() => _changes?.Dispose();

    /// <summary>A changed table applies to compensations that begin later; one with faults is not used.</summary>
    private void Change(SagaCompensationTableOptions options, string? name)
    {
        if (name is null || !Definitions.TryGetValue(name, out var definition) || !_tables.IsValueCreated)
        {
            return;
        }

        var faults = new List<string>();
        var table = Create(definition, options, faults);
        if (faults.Count == 0)
        {
            _tables.Value[name] = table;
        }
        else
        {
            Log.TableKept(_logger, name, string.Join(' ', faults));
        }
    }

    private SagaTable Create(SagaDefinition definition, SagaCompensationTableOptions options, List<string> faults)
    {
        var table = SagaTable.Create(definition, options, _actions, faults);
        var profiles = definition.Steps.Select(step => step.RetryProfile).Concat(options.Steps.Select(row => row.CompensationAction.Backoff).OfType<string>());
        foreach (var profile in profiles.Distinct(StringComparer.Ordinal))
        {
            if (!_retries.TryGet(profile, out _))
            {
                faults.Add($"Saga '{definition.Name}' uses the retry profile '{profile}', which does not exist; there are {string.Join(", ", _retries.Names)}.");
            }
        }

        return table;
    }

    private ConcurrentDictionary<string, SagaTable> Check(
        List<SagaDefinition> definitions,
        List<SagaCompensationRegistration> actions,
        IOptionsMonitor<SagaCompensationTableOptions> options)
    {
        var faults = new List<string>();
        foreach (var twice in definitions.GroupBy(d => d.Name, StringComparer.Ordinal).Where(g => g.DistinctBy(d => d.Hash).Count() > 1))
        {
            faults.Add($"Saga '{twice.Key}' is registered with two different definitions; keep one.");
        }

        foreach (var twice in actions.GroupBy(a => a.Name, StringComparer.Ordinal).Where(g => g.DistinctBy(a => a.Type).Count() > 1))
        {
            faults.Add($"The compensation '{twice.Key}' is registered as {string.Join(" and as ", twice.Select(a => a.Type).Distinct())}; keep one.");
        }

        var tables = new ConcurrentDictionary<string, SagaTable>(StringComparer.Ordinal);
        foreach (var definition in Definitions.Values)
        {
            tables[definition.Name] = Create(definition, options.Get(definition.Name), faults);
        }

        return faults.Count == 0 ? tables : throw new SagaDefinitionException(faults);
    }
}
