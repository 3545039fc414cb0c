using Topology.Dlq;
using Topology.Health;
using Topology.Idempotency;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>How settings become one kind of named options.</summary>
/// <param name="Area">The package the options belong to.</param>
/// <param name="Names">The names the settings mention; the empty name for options without names.</param>
/// <param name="Settings">The settings that fill the options of a name.</param>
/// <param name="Apply">Fills the options.</param>
internal sealed record OptionsFeed<TOptions>(
    SettingArea Area,
    Func<SettingsTree, IEnumerable<string>> Names,
    Func<SettingsTree, string, IEnumerable<Setting>> Settings,
    Action<Setting, TOptions> Apply)
{
    /// <summary>Returns the names whose settings differ.</summary>
    public IEnumerable<string> Changed(SettingsTree old, SettingsTree tree) =>
        Names(old).Union(Names(tree)).Where(name => Text(old, name) != Text(tree, name));

    private string Text(SettingsTree tree, string name) => string.Concat(Settings(tree, name).Select(s => s.Fingerprint()));
}

internal static class OptionsFeeds
{
    private const string One = "";

    public static OptionsFeed<RetryOptions> Retry { get; } =
        new(SettingArea.Retry, _ => [One], Block("retry_config"), (node, o) => o.ProfileNames.UnionWith(node.Children.Select(c => c.Name)));

    public static OptionsFeed<RetryProfileOptions> RetryProfile { get; } = Named<RetryProfileOptions>("retry_config", TopologySchema.RetryProfile);

    public static OptionsFeed<RetryBudgetOptions> RetryBudget { get; } = Named<RetryBudgetOptions>("retry_budgets", TopologySchema.RetryBudget);

    public static OptionsFeed<IdempotencyOptions> Idempotency { get; } =
        new(SettingArea.Idempotency, _ => [One], Block("idempotency"), TopologySchema.Idempotency.Apply);

    public static OptionsFeed<SagaCompensationTableOptions> SagaTable { get; } = new(
        SettingArea.Saga,
        tree => tree.Entries("saga_compensations").Select(c => c.Name),
        (tree, name) => tree.Entries("saga_compensations").Where(c => c.Name == name),
        (node, o) =>
        {
            if (node.Child("steps") is not { } steps)
            {
                return;
            }

            o.Steps.Clear();
            foreach (Setting row in steps.Children)
            {
                var step = new SagaCompensationStepOptions();
                TopologySchema.SagaStep.Apply(row, step);
                o.Steps.Add(step);
            }
        });

    public static OptionsFeed<DeadLetterOptions> DeadLetter { get; } =
        new(SettingArea.Dlq, _ => [One], Block("dlq_config"), (node, o) => o.QueueNames.UnionWith(Texts(node.Child("streams")?.Children, "name")));

    public static OptionsFeed<DeadLetterQueueOptions> Queue { get; } = new(
        SettingArea.Dlq,
        tree => Texts(tree.Entries("dlq_config.streams"), "name").Union(Texts(tree.Entries("dlq_config.consumers"), "stream")),
        (tree, name) => tree.Entries("dlq_config.streams").Where(s => TextOf(s, "name") == name)
            .Concat(tree.Entries("dlq_config.consumers").Where(c => TextOf(c, "stream") == name)),
        (node, o) =>
        {
            if (node.Schema.Name == "streams")
            {
                TopologySchema.Stream.Apply(node, o);
                return;
            }

            TopologySchema.Consumer.Apply(node, o.Consumer ??= new DeadLetterConsumerOptions());
        });

    public static OptionsFeed<ServiceProbeOptions> Probes { get; } = new(
        SettingArea.Health,
        tree => ProbeSettings(tree).Select(c => c.Name).Distinct(),
        (tree, name) => ProbeSettings(tree).Where(c => c.Name == name),
        (node, o) =>
        {
            switch (node.Path[..node.Path.IndexOf('.', StringComparison.Ordinal)])
            {
                case "readiness_probes":
                    TopologySchema.Readiness.Apply(node, o.Readiness ??= (ProbeOptions)TopologySchema.Readiness.Defaults());
                    break;
                case "liveness_probes":
                    TopologySchema.Liveness.Apply(node, o.Liveness ??= (ProbeOptions)TopologySchema.Liveness.Defaults());
                    break;
                case "startup_probes":
                    TopologySchema.Startup.Apply(node, o.Startup ??= (ProbeOptions)TopologySchema.Startup.Defaults());
                    break;
            }
        });

    public static OptionsFeed<SagaOptions> Sagas { get; } = new(SettingArea.Saga, _ => [One], Block("sagas"), TopologySchema.Sagas.Apply);

    public static OptionsFeed<HealthOptions> Health { get; } = new(SettingArea.Health, _ => [One], Block("health"), TopologySchema.Health.Apply);

    public static OptionsFeed<TopologyNatsOptions> Nats { get; } =
        new(SettingArea.File, _ => [One], Block("nats"), TopologySchema.Nats.Apply);

    public static IEnumerable<Setting> ProbeSettings(SettingsTree tree) =>
        tree.Entries("readiness_probes").Concat(tree.Entries("liveness_probes")).Concat(tree.Entries("startup_probes"));

    /// <summary>Returns the text of a value, or <see langword="null"/> where it is absent or faulty.</summary>
    public static string? TextOf(Setting node, string key) => node.Find(key) is { IsFaulty: false, Parsed: string text } ? text : null;

    private static IEnumerable<string> Texts(IReadOnlyList<Setting>? entries, string key) =>
        (entries ?? []).Select(e => TextOf(e, key)).OfType<string>();

    private static Func<SettingsTree, string, IEnumerable<Setting>> Block(string key) =>
        (tree, name) => name.Length == 0 && tree.Root.Child(key) is { } node ? [node] : [];

    private static OptionsFeed<TOptions> Named<TOptions>(string key, SettingGroup group)
        where TOptions : class =>
        new(group.Area, tree => tree.Entries(key).Select(c => c.Name), (tree, name) => tree.Entries(key).Where(c => c.Name == name), group.Apply);
}
