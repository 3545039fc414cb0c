using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Tells those that build their own state from options that some options of this kind changed, whatever their name.</summary>
internal sealed class SettingsChangeToken<TOptions> : IOptionsChangeTokenSource<TOptions>
    where TOptions : class
{
    private ConfigurationReloadToken _token = new();

    public SettingsChangeToken(SettingsMonitor settings, OptionsFeed<TOptions> feed) => settings.Changed += (old, tree) =>
    {
        if (feed.Changed(old, tree).Any())
        {
            Interlocked.Exchange(ref _token, new ConfigurationReloadToken()).OnReload();
        }
    };

    public string Name => Options.DefaultName;

    public IChangeToken GetChangeToken() => _token;
}
