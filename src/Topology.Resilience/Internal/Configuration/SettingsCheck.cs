using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Everything that can be wrong with the settings: single keys, keys against each other, and each package's own validators.</summary>
internal sealed class SettingsCheck(IServiceProvider services)
{
    public IReadOnlyList<TopologyDiagnostic> Run(SettingsTree tree)
    {
        var diagnostics = new List<TopologyDiagnostic>(tree.Diagnostics);
        new CrossChecks(tree, services.GetRequiredService<TopologyRegistrations>(), services, diagnostics).Run();
        Validate(OptionsFeeds.RetryProfile, tree, diagnostics);
        Validate(OptionsFeeds.RetryBudget, tree, diagnostics);
        Validate(OptionsFeeds.Retry, tree, diagnostics);
        Validate(OptionsFeeds.Idempotency, tree, diagnostics);
        Validate(OptionsFeeds.SagaTable, tree, diagnostics);
        Validate(OptionsFeeds.DeadLetter, tree, diagnostics);
        Validate(OptionsFeeds.Queue, tree, diagnostics);
        Validate(OptionsFeeds.Sagas, tree, diagnostics);
        Validate(OptionsFeeds.Probes, tree, diagnostics);
        Validate(OptionsFeeds.Health, tree, diagnostics);
        Validate(OptionsFeeds.Nats, tree, diagnostics);
        return diagnostics;
    }

    private void Validate<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        OptionsFeed<TOptions> feed, SettingsTree tree, List<TopologyDiagnostic> diagnostics)
        where TOptions : class
    {
        IOptionsFactory<TOptions> factory = services.GetRequiredService<IOptionsFactory<TOptions>>();
        foreach (string name in feed.Names(tree))
        {
            Setting? setting = feed.Settings(tree, name).FirstOrDefault();
            string path = setting?.Path ?? name;

            // What is already known to be wrong is not said twice.
            if (setting is not null && diagnostics.Any(d => d.Severity == TopologyDiagnosticSeverity.Error && IsAtOrBelow(d.Key, path)))
            {
                continue;
            }

            try
            {
                factory.Create(name);
            }
            catch (OptionsValidationException e)
            {
                // One package's options may be a part of another's.
                foreach (string failure in e.Failures.Select(f => f.ReplaceLineEndings(" ")).Where(f => diagnostics.All(d => d.Text != f)))
                {
                    Setting? at = feed.Settings(tree, name).Select(s => Named(s, failure)).FirstOrDefault(s => s is not null)
                        ?? Values(tree.Root).FirstOrDefault(v => failure.Contains(v.Path + " ", StringComparison.Ordinal));
                    diagnostics.Add(new TopologyDiagnostic(
                        TopologyDiagnosticSeverity.Error,
                        (int)feed.Area + (int)SettingFault.Refused,
                        at?.Origin ?? setting?.KeyOrigin ?? SettingOrigin.Code,
                        at?.Path ?? path,
                        failure));
                }
            }
        }
    }

    /// <summary>Finds the value a validator's message is about: validators write the key and what it is or holds.</summary>
    private static Setting? Named(Setting setting, string failure)
    {
        Setting[] values = [.. Values(setting)];
        return Array.Find(values, v => failure.Contains(v.Path + " ", StringComparison.Ordinal))
            ?? values.Where(v => v.Parsed is string text && failure.Contains($" {v.Name} is ", StringComparison.Ordinal) && failure.Contains($"'{text}'", StringComparison.Ordinal))
                .MinBy(v => failure.IndexOf($"'{v.Parsed}'", StringComparison.Ordinal))
            ?? Array.Find(values, v => failure.Contains($" {v.Name} is ", StringComparison.Ordinal))
            ?? Array.Find(values, v => v.Parsed is string text && failure.Contains($" holds '{text}'", StringComparison.Ordinal))
            ?? Array.Find(values, v => v.Parsed is string text && failure.Contains($"'{text}'", StringComparison.Ordinal))
            ?? failure.Split(' ').Select(word => Array.Find(values, v => Spelling.Normalise(v.Name) == Spelling.Normalise(word))).FirstOrDefault(v => v is not null);
    }

    private static bool IsAtOrBelow(string key, string path) =>
        key.StartsWith(path, StringComparison.Ordinal) && (key.Length == path.Length || key[path.Length] is '.' or '[');

    private static IEnumerable<Setting> Values(Setting setting) =>
        setting.Children.Count == 0 ? [setting] : setting.Children.SelectMany(Values);
}
