using Microsoft.Extensions.Options;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Fills named options from the last good settings.</summary>
internal sealed class SettingsOptions<TOptions>(SettingsMonitor settings, OptionsFeed<TOptions> feed) : IConfigureNamedOptions<TOptions>
    where TOptions : class
{
    public void Configure(string? name, TOptions options)
    {
        foreach (Setting setting in feed.Settings(settings.Current, name ?? Options.DefaultName))
        {
            feed.Apply(setting, options);
        }
    }

    public void Configure(TOptions options) => Configure(Options.DefaultName, options);
}
