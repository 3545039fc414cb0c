using System.Collections.Frozen;
using Microsoft.Extensions.Options;
using Topology.Retry;

namespace Topology.Saga.Internal;

/// <summary>The definitions and actions this process has registered, checked against each other.</summary>
internal sealed class SagaRegistry
{
    private readonly Lazy<FrozenDictionary<string, SagaTable>> _tables;

    public SagaRegistry(
        IEnumerable<SagaDefinition> definitions,
        IEnumerable<SagaCompensationRegistration> actions,
        IOptionsMonitor<SagaCompensationTableOptions> options,
        IRetryPolicies retries)
    {
        Definitions = definitions.DistinctBy(definition => (definition.Name, definition.Hash))
            .ToLookup(definition => definition.Name, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        _tables = new(() => Check([.. definitions], [.. actions], options, retries));
    }

    public FrozenDictionary<string, SagaDefinition> Definitions { get; }

    public SagaTable Table(SagaDefinition definition) => _tables.Value[definition.Name];

    /// <exception cref="SagaDefinitionException">Something does not fit; lists every fault.</exception>
    public void Check() => _ = _tables.Value;

    public SagaDefinition Definition(string name) => Definitions.TryGetValue(name, out var definition)
        ? definition
        : throw new SagaException(
            $"The saga definition '{name}' is not registered in this process; it knows {(Definitions.Count == 0 ? "none" : string.Join(", ", Definitions.Keys))}. Add AddSaga(definition).");

    private FrozenDictionary<string, SagaTable> Check(
        List<SagaDefinition> definitions,
        List<SagaCompensationRegistration> actions,
        IOptionsMonitor<SagaCompensationTableOptions> options,
        IRetryPolicies retries)
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

        var byName = actions.DistinctBy(a => a.Name, StringComparer.Ordinal).ToDictionary(a => a.Name, StringComparer.Ordinal);
        var tables = new Dictionary<string, SagaTable>(StringComparer.Ordinal);
        foreach (var definition in Definitions.Values)
        {
            var table = options.Get(definition.Name);
            tables[definition.Name] = SagaTable.Create(definition, table, byName, faults);
            var profiles = definition.Steps.Select(step => step.RetryProfile).Concat(table.Steps.Select(row => row.CompensationAction.Backoff).OfType<string>());
            foreach (var profile in profiles.Distinct(StringComparer.Ordinal))
            {
                if (!retries.TryGet(profile, out _))
                {
                    faults.Add($"Saga '{definition.Name}' uses the retry profile '{profile}', which does not exist; there are {string.Join(", ", retries.Names)}.");
                }
            }
        }

        return faults.Count == 0 ? tables.ToFrozenDictionary(StringComparer.Ordinal) : throw new SagaDefinitionException(faults);
    }
}
