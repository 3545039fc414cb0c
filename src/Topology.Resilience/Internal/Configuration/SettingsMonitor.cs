using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Holds the last good settings and replaces them only by settings that pass every check.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class SettingsMonitor : IDisposable
{
    /// <summary>The settings that are being checked on this thread: options made meanwhile are made from them.</summary>
    [ThreadStatic]
    private static SettingsTree? t_trial;

    private readonly IConfiguration _configuration;
    private readonly SettingsCheck _check;
    private readonly ConfigurationMetrics _metrics;
    private readonly ILogger _logger;
    private readonly Lock _changing = new();
    private volatile SettingsTree? _good;
    private SettingsTree? _started;
    private TopologyConfigurationException? _failure;
    private IDisposable? _registration;

    public SettingsMonitor(IConfiguration configuration, SettingsCheck check, ConfigurationMetrics metrics, ILoggerFactory loggers)
    {
        _configuration = configuration;
        _check = check;
        _metrics = metrics;
        _logger = loggers.CreateLogger("Topology.Resilience.Configuration");
    }

    /// <summary>Gets whether settings are being checked on this thread: what is made from them now must not be kept.</summary>
    public static bool IsTrial => t_trial is not null;

    /// <summary>Raised with the old and the new settings after a change was applied.</summary>
    public event Action<SettingsTree, SettingsTree>? Changed;

    /// <summary>Gets the settings in force.</summary>
    /// <exception cref="TopologyConfigurationException">The first settings have errors.</exception>
    public SettingsTree Current => t_trial ?? _good ?? First();

    /// <summary>Gets the warnings and remarks on the settings in force.</summary>
    public IReadOnlyList<TopologyDiagnostic> Notes { get; private set; } = [];

    /// <summary>Checks the first settings.</summary>
    /// <exception cref="TopologyConfigurationException">They have errors.</exception>
    public void Check() => _ = Current;

    /// <summary>Logs the warnings and remarks.</summary>
    public void TellNotes()
    {
        foreach (TopologyDiagnostic note in Notes)
        {
            Tell(note);
        }
    }

    public void Dispose() => _registration?.Dispose();

    private SettingsTree First()
    {
        lock (_changing)
        {
            if (_good is { } good)
            {
                return good;
            }

            if (_failure is not null)
            {
                throw new TopologyConfigurationException(_failure.Diagnostics);
            }

            // Before the reading, so that no change falls between the two: it waits for the lock.
            _registration ??= ChangeToken.OnChange(_configuration.GetReloadToken, Reload);
            SettingsTree tree = SettingsReader.Read(_configuration);
            IReadOnlyList<TopologyDiagnostic> found = Check(tree);
            TopologyDiagnostic[] errors = [.. found.Where(d => d.Severity == TopologyDiagnosticSeverity.Error)];
            if (errors.Length > 0)
            {
                _failure = new TopologyConfigurationException(errors);
                throw _failure;
            }

            Notes = found;
            _started = tree;
            _good = tree;
            return tree;
        }
    }

    private void Reload()
    {
        SettingsTree old;
        SettingsTree tree;
        lock (_changing)
        {
            if (_good is null)
            {
                return;
            }

            old = _good;
            try
            {
                tree = SettingsReader.Read(_configuration);
                if (!Accept(old, tree))
                {
                    return;
                }
            }
            catch (Exception e)
            {
                // Code that configures options may throw anything; on a watcher's thread that would end the process.
                _metrics.Reloaded(applied: false);
                ConfigurationLog.ReloadFailed(_logger, e);
                return;
            }
        }

        ConfigurationLog.ReloadAccepted(_logger, string.Join(", ", Differences(old, tree)));
        foreach (Action<SettingsTree, SettingsTree> listener in (Changed?.GetInvocationList() ?? []).Cast<Action<SettingsTree, SettingsTree>>())
        {
            try
            {
                listener(old, tree);
            }
            catch (Exception e)
            {
                // One that fails must not keep the others on old settings.
                ConfigurationLog.ListenerFailed(_logger, e, listener.Target?.GetType().Name ?? "");
            }
        }
    }

    private bool Accept(SettingsTree old, SettingsTree tree)
    {
        if (tree.Root.Fingerprint() == old.Root.Fingerprint() && !tree.Diagnostics.Any(d => d.Severity == TopologyDiagnosticSeverity.Error))
        {
            return false;
        }

        IReadOnlyList<TopologyDiagnostic> found = Check(tree);
        int errors = found.Count(d => d.Severity == TopologyDiagnosticSeverity.Error);
        _metrics.Reloaded(applied: errors == 0);
        foreach (TopologyDiagnostic diagnostic in found)
        {
            Tell(diagnostic);
        }

        if (errors > 0)
        {
            ConfigurationLog.ReloadRejected(_logger, errors);
            return false;
        }

        Notes = found;
        _good = tree;
        return true;
    }

    private IReadOnlyList<TopologyDiagnostic> Check(SettingsTree tree)
    {
        t_trial = tree;
        try
        {
            IReadOnlyList<TopologyDiagnostic> found = _check.Run(tree);
            return tree.InFileOrder(_started is null ? found : found.Concat(PendingChanges.Find(_started, tree)));
        }
        finally
        {
            t_trial = null;
        }
    }

    private void Tell(TopologyDiagnostic diagnostic)
    {
        switch (diagnostic.Severity)
        {
            case TopologyDiagnosticSeverity.Error:
                ConfigurationLog.ReloadError(_logger, diagnostic);
                break;
            case TopologyDiagnosticSeverity.Warning:
                ConfigurationLog.Warning(_logger, diagnostic);
                break;
            default:
                ConfigurationLog.Info(_logger, diagnostic);
                break;
        }
    }

    private static IEnumerable<string> Differences(SettingsTree old, SettingsTree tree) =>
        old.Root.Children.Concat(tree.Root.Children)
            .Select(c => c.Name)
            .Distinct()
            .Where(name => old.Root.Child(name)?.Fingerprint() != tree.Root.Child(name)?.Fingerprint());
}
