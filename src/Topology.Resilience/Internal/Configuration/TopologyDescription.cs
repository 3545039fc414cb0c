using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Health;
using Topology.Idempotency;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Writes the settings in force, row by row of the schema table.</summary>
internal sealed class TopologyDescription(IServiceProvider services)
{
    private const int KeyWidth = 40;
    private const int ValueWidth = 28;

    private readonly StringBuilder _text = new();
    private readonly SettingsMonitor _monitor = services.GetRequiredService<SettingsMonitor>();

    public string Write()
    {
        SettingsTree tree = _monitor.Current;
        WriteProfiles(tree);
        WriteNamed(tree, OptionsFeeds.RetryBudget, "retry_budgets", tree.Entries("retry_budgets").Select(b => b.Name), TopologySchema.RetryBudget, () => new());

        Head("idempotency");
        IdempotencyOptions idempotency = Get<IdempotencyOptions>(Options.DefaultName);
        WriteRows(TopologySchema.Idempotency, tree.Root.Child("idempotency"), idempotency, Baseline(Options.DefaultName, new IdempotencyOptions()), 1);

        WriteSagas(tree);
        Head("sagas");
        SagaOptions sagas = Get<SagaOptions>(Options.DefaultName);
        WriteRows(TopologySchema.Sagas, tree.Root.Child("sagas"), sagas, Baseline(Options.DefaultName, new SagaOptions()), 1);
        WriteQueues(tree);
        Head("health");
        HealthOptions health = Get<HealthOptions>(Options.DefaultName);
        WriteRows(TopologySchema.Health, tree.Root.Child("health"), health, Baseline(Options.DefaultName, new HealthOptions()), 1);
        WriteProbes(tree, "readiness_probes", TopologySchema.Readiness, o => o.Readiness);
        WriteProbes(tree, "liveness_probes", TopologySchema.Liveness, o => o.Liveness);
        WriteProbes(tree, "startup_probes", TopologySchema.Startup, o => o.Startup);
        Head("nats");
        TopologyNatsOptions nats = Get<TopologyNatsOptions>(Options.DefaultName);
        WriteRows(TopologySchema.Nats, tree.Root.Child("nats"), nats, Baseline(Options.DefaultName, new TopologyNatsOptions()), 1);
        WriteRegistrations();
        WriteNotes();
        return _text.ToString();
    }

    private void WriteProfiles(SettingsTree tree)
    {
        Head("retry_config");
        foreach (string name in Get<RetryOptions>(Options.DefaultName).ProfileNames.Order(StringComparer.Ordinal))
        {
            RetryProfileOptions options = Get<RetryProfileOptions>(name);
            Line(1, name);
            RetryProfileOptions baseline = Baseline(name, RetryProfileOptions.ForProfile(name));
            WriteRows(TopologySchema.RetryProfile, tree.Root.Find("retry_config")?.Child(name), options, baseline, 2);
            Row(2, "waits", Waits(options), "");
        }
    }

    private void WriteSagas(SettingsTree tree)
    {
        Head("saga_compensations");
        IEnumerable<string> names = tree.Entries("saga_compensations").Select(s => s.Name)
            .Union(services.GetRequiredService<TopologyRegistrations>().Sagas.Keys);
        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            Line(1, name);
            IReadOnlyList<Setting> written = tree.Root.Find("saga_compensations")?.Child(name)?.Child("steps")?.Children ?? [];
            foreach (SagaCompensationStepOptions step in Get<SagaCompensationTableOptions>(name).Steps)
            {
                Line(2, step.StepId);
                Setting? row = written.FirstOrDefault(s => OptionsFeeds.TextOf(s, "step_id") == step.StepId);
                WriteRows(TopologySchema.SagaStep, row, step, new SagaCompensationStepOptions(), 3, skip: "step_id");
            }
        }
    }

    private void WriteQueues(SettingsTree tree)
    {
        Head("dlq_config");
        foreach (string name in Get<DeadLetterOptions>(Options.DefaultName).QueueNames.Order(StringComparer.Ordinal))
        {
            DeadLetterQueueOptions options = Get<DeadLetterQueueOptions>(name);
            DeadLetterQueueOptions baseline = Baseline(name, new DeadLetterQueueOptions());
            Setting[] written = [.. OptionsFeeds.Queue.Settings(tree, name)];
            Line(1, $"{name}  →  stream {DeadLetterQueueNames.ToPhysical(name)}, marks {DeadLetterQueueNames.ToPhysicalMarks(name)}");
            WriteRows(TopologySchema.Stream, written.FirstOrDefault(s => s.Schema.Name == "streams"), options, baseline, 2, skip: "name");
            if (options.Consumer is null)
            {
                Row(2, "consumer", "none: alerts only", "");
                continue;
            }

            Line(2, "consumer");
            WriteRows(
                TopologySchema.Consumer,
                written.FirstOrDefault(s => s.Schema.Name == "consumers"),
                options.Consumer,
                baseline.Consumer ?? new(),
                3,
                skip: "stream");
        }
    }

    private void WriteProbes(SettingsTree tree, string key, SettingGroup<ProbeOptions> group, Func<ServiceProbeOptions, ProbeOptions?> pick)
    {
        if (tree.Entries(key).Count > 0)
        {
            Head(key);
        }

        foreach (Setting setting in tree.Entries(key))
        {
            if (pick(Get<ServiceProbeOptions>(setting.Name)) is { } probe)
            {
                Line(1, setting.Name);
                WriteRows(group, setting, probe, group.Defaults(), 2);
            }
        }
    }

    private void WriteNamed<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        SettingsTree tree, OptionsFeed<TOptions> feed, string head, IEnumerable<string> names, SettingGroup group, Func<TOptions> create)
        where TOptions : class
    {
        if (names.Any())
        {
            Head(head);
        }

        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            Line(1, name);
            WriteRows(group, feed.Settings(tree, name).FirstOrDefault(), Get<TOptions>(name), Baseline(name, create()), 2);
        }
    }

    private void WriteRegistrations()
    {
        TopologyRegistrations registrations = services.GetRequiredService<TopologyRegistrations>();
        Head("registered in this process");
        if (services.GetService<TopologyStores>() is { } stores)
        {
            Row(1, "keys in", Place(stores.Of<IIdempotencyStore>()), "");
            Row(1, "sagas in", Place(stores.Of<ISagaJournal>()), "");
            Row(1, "dead letters in", Place(stores.Of<IDeadLetterQueueProvider>()), "");
        }

        Row(1, "sagas", List(registrations.Sagas.Select(s => $"{s.Key} ({string.Join(" → ", s.Value)})")), "");
        Row(1, "compensations", List(registrations.CompensationActions), "");
        Row(1, "queue processors", List(registrations.QueueProcessors), "");
    }

    private static string Place(TopologyStore? store) =>
        store is not { } place ? "a store of the application" : place.IsNamed ? place.Name : "memory, in Development only: none is named";

    private void WriteNotes()
    {
        if (_monitor.Notes.Count > 0)
        {
            Head("notes");
        }

        foreach (TopologyDiagnostic note in _monitor.Notes)
        {
            Line(1, note.ToString());
        }
    }

    private void WriteRows(SettingGroup group, Setting? written, object options, object baseline, int depth, string? skip = null)
    {
        foreach (SettingRow row in group.Rows.Where(r => r.Key != skip))
        {
            Setting? setting = written?.Find(row.Key);
            string key = row.IsList ? row.Key[..^2] : row.Key;
            string value = row.Get is null
                ? setting?.Parsed is { } parsed ? row.Type.Write(parsed) : row.Fallback ?? ""
                : Text(row, row.Get(options));
            string usual = row.Get is null ? row.Fallback ?? "" : Text(row, row.Get(baseline));
            string origin = setting is { IsSet: true } && TextOf(row, setting) == value ? setting.Origin.Describe()
                : value == usual ? "default"
                : "code";
            Row(depth, key, origin is "default" or "code" ? value : setting!.Written ?? value, origin);
        }
    }

    private static string TextOf(SettingRow row, Setting setting) =>
        row.IsList ? List(setting.Children.Select(c => (string)c.Parsed!)) : setting.Parsed is null ? "not set" : row.Type.Write(setting.Parsed);

    private static string Text(SettingRow row, object? value) =>
        value is null ? "not set" : value is IList<string> list ? List(list) : row.Type.Write(value);

    private static string List(IEnumerable<string> items) => string.Join(", ", items) is { Length: > 0 } text ? text : "none";

    /// <summary>What the package itself would use: its own configuration of the options, nobody else's.</summary>
    private TOptions Baseline<TOptions>(string name, TOptions options)
        where TOptions : class
    {
        foreach (IConfigureOptions<TOptions> configure in services.GetServices<IConfigureOptions<TOptions>>())
        {
            if (configure is IConfigureNamedOptions<TOptions> named && configure.GetType().Assembly == typeof(TOptions).Assembly)
            {
                named.Configure(name, options);
            }
            else if (configure is SagaMemory)
            {
                configure.Configure(options);
            }
        }

        foreach (IPostConfigureOptions<TOptions> configure in services.GetServices<IPostConfigureOptions<TOptions>>())
        {
            if (configure.GetType().Assembly == typeof(TOptions).Assembly)
            {
                configure.PostConfigure(name, options);
            }
        }

        return options;
    }

    /// <summary>The waits between the calls, each as the range the jitter leaves.</summary>
    private static string Waits(RetryProfileOptions options)
    {
        var budget = new RetryBudget(new RetryBudgetOptions());
        var shortest = new RetryPolicy(options, budget: budget, random: () => 0);
        var longest = new RetryPolicy(options, budget: budget, random: () => Math.BitDecrement(1.0));
        var waits = new List<string>();
        TimeSpan before = TimeSpan.Zero;
        for (int failed = 1; failed < Math.Min(options.MaxAttempts, 11); failed++)
        {
            string low = Seconds(shortest.NextDelay(failed, before));
            before = longest.NextDelay(failed, before);
            string high = Seconds(before);
            waits.Add(low == high ? high : $"{low}–{high}");
        }

        return waits.Count == 0 ? "none: one call" : string.Join(", ", waits) + (options.MaxAttempts > 11 ? ", …" : "");
    }

    private static string Seconds(TimeSpan value) => value < TimeSpan.FromSeconds(1)
        ? string.Create(CultureInfo.InvariantCulture, $"{value.TotalMilliseconds:0.#}ms")
        : string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:0.##}s");

    private TOptions Get<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(string name)
        where TOptions : class => services.GetRequiredService<IOptionsMonitor<TOptions>>().Get(name);

    private void Head(string title) => _text.Append(_text.Length == 0 ? "" : "\n").Append(title).Append('\n');

    private void Line(int depth, string text) => _text.Append(' ', depth * 2).Append(text).Append('\n');

    private void Row(int depth, string key, string value, string origin) =>
        Line(depth, $"{key.PadRight(KeyWidth - (depth * 2))} {value.PadRight(ValueWidth)} {origin}".TrimEnd());
}
