using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>The stock monitor, plus changes of any name: stock change tokens are bound to names known when services are added.</summary>
internal sealed class SettingsOptionsMonitor<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>
    : IOptionsMonitor<TOptions>, IDisposable
    where TOptions : class
{
    private readonly OptionsMonitor<TOptions> _inner;
    private readonly IOptionsFactory<TOptions> _factory;
    private readonly IOptionsMonitorCache<TOptions> _cache;
    private readonly SettingsMonitor _settings;
    private readonly OptionsFeed<TOptions> _feed;
    private readonly ILogger _logger;
    private Action<TOptions, string?>? _listeners;

    public SettingsOptionsMonitor(
        IOptionsFactory<TOptions> factory,
        IEnumerable<IOptionsChangeTokenSource<TOptions>> sources,
        IOptionsMonitorCache<TOptions> cache,
        SettingsMonitor settings,
        OptionsFeed<TOptions> feed,
        ILoggerFactory loggers)
    {
        _inner = new OptionsMonitor<TOptions>(factory, sources.Where(s => s is not SettingsChangeToken<TOptions>), cache);
        _factory = factory;
        _cache = cache;
        _settings = settings;
        _feed = feed;
        _logger = loggers.CreateLogger("Topology.Resilience.Configuration");
        _settings.Changed += Apply;
    }

    public TOptions CurrentValue => Get(Options.DefaultName);

    /// <summary>Gets the options of a name; while settings are checked, made from these and not kept.</summary>
    public TOptions Get(string? name) => SettingsMonitor.IsTrial ? _factory.Create(name ?? Options.DefaultName) : _inner.Get(name);

    public IDisposable? OnChange(Action<TOptions, string?> listener)
    {
        _listeners += listener;
        return new Subscription(this, listener, _inner.OnChange(listener));
    }

    public void Dispose()
    {
        _settings.Changed -= Apply;
        _inner.Dispose();
    }

    private void Apply(SettingsTree old, SettingsTree tree)
    {
        foreach (string name in _feed.Changed(old, tree))
        {
            _cache.TryRemove(name);
            foreach (Action<TOptions, string?> listener in (_listeners?.GetInvocationList() ?? []).Cast<Action<TOptions, string?>>())
            {
                try
                {
                    listener(_inner.Get(name), name);
                }
                catch (Exception e)
                {
                    ConfigurationLog.ListenerFailed(_logger, e, $"{typeof(TOptions).Name} '{name}'");
                }
            }
        }
    }

    private sealed class Subscription(SettingsOptionsMonitor<TOptions> monitor, Action<TOptions, string?> listener, IDisposable? inner) : IDisposable
    {
        public void Dispose()
        {
            monitor._listeners -= listener;
            inner?.Dispose();
        }
    }
}
