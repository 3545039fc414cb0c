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
        Validate(OptionsFeeds.Retry, tree, diagnostics);
        Validate(OptionsFeeds.RetryProfile, tree, diagnostics);
        Validate(OptionsFeeds.RetryBudget, tree, diagnostics);
        Validate(OptionsFeeds.Idempotency, tree, diagnostics);
        Validate(OptionsFeeds.SagaTable, tree, diagnostics);
        Validate(OptionsFeeds.DeadLetter, tree, diagnostics);
        Validate(OptionsFeeds.Queue, tree, diagnostics);
        Validate(OptionsFeeds.Probes, tree, diagnostics);
        return diagnostics;
    }

    private void Validate<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(OptionsFeed<TOptions> feed, SettingsTree tree, List<TopologyDiagnostic> diagnostics)
        where TOptions : class
    {
        IOptionsFactory<TOptions> factory = services.GetRequiredService<IOptionsFactory<TOptions>>();
        foreach (string name in feed.Names(tree))
        {
            Setting? setting = feed.Settings(tree, name).FirstOrDefault();
            string path = setting?.Path ?? name;

            // What is already known to be wrong is not said twice.
            if (setting is not null && diagnostics.Any(d => d.Severity == TopologyDiagnosticSeverity.Error
                && (d.Key == path || d.Key.StartsWith(path + ".", StringComparison.Ordinal) || d.Key.StartsWith(path + "[", StringComparison.Ordinal))))
            {
                continue;
            }

            try
            {
                factory.Create(name);
            }
            catch (OptionsValidationException e)
            {
                SettingOrigin origin = setting?.KeyOrigin ?? SettingOrigin.Code;
                diagnostics.AddRange(e.Failures.Select(failure => new TopologyDiagnostic(
                    TopologyDiagnosticSeverity.Error, (int)feed.Area + (int)SettingFault.Refused, origin, path, failure.ReplaceLineEndings(" "))));
            }
        }
    }
}
