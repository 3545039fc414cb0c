using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

internal static class TestHost
{
    /// <summary>Registers every package and the settings, as the front door does.</summary>
    public static ServiceProvider Services(
        IConfiguration configuration, Action<TopologyRegistrations>? register = null, Action<IServiceCollection>? more = null)
    {
        var services = new ServiceCollection();
        var registrations = new TopologyRegistrations();
        register?.Invoke(registrations);
        services.AddSingleton(registrations);
        AddPackages(services);
        services.AddTopologySettings(configuration);
        more?.Invoke(services);
        return services.BuildServiceProvider();
    }

    public static void AddPackages(IServiceCollection services)
    {
        services.AddTopologyRetry();
        services.AddTopologyIdempotency();
        services.AddInMemoryIdempotencyStore();
        services.AddTopologySaga();
        services.AddInMemorySagaStore();
        services.AddTopologyDlq();
        services.AddInMemoryDeadLetterQueues();
        services.AddTopologyHealth();
    }

    /// <summary>All findings of a text, in order.</summary>
    public static IReadOnlyList<TopologyDiagnostic> Findings(
        string text, Action<TopologyRegistrations>? register = null, Action<ConfigurationManager>? more = null)
    {
        using var files = new TestFiles();
        try
        {
            using ConfigurationManager configuration = files.Configuration(text, more);
            using ServiceProvider services = Services(configuration, register);
            var monitor = services.GetRequiredService<SettingsMonitor>();
            monitor.Check();
            return monitor.Notes;
        }
        catch (TopologyConfigurationException e)
        {
            return e.Diagnostics;
        }
    }

    public static IReadOnlyList<string> Lines(string text, Action<TopologyRegistrations>? register = null, Action<ConfigurationManager>? more = null) =>
        [.. Findings(text, register, more).Where(d => d.Severity == TopologyDiagnosticSeverity.Error).Select(d => d.ToString())];
}
