using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Checks the settings while the host is being built, and tells their warnings when it starts.</summary>
/// <remarks>
/// A host reads its own options when it is made, which is the last moment before it runs and the only one at which a failure is not
/// logged with its stack trace: the caller gets the exception and nothing else has been said or started.
/// </remarks>
internal sealed class CheckBeforeStart(SettingsMonitor settings) : IPostConfigureOptions<HostOptions>, IHostedService
{
    public void PostConfigure(string? name, HostOptions options) => settings.Check();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        settings.Check();
        settings.TellNotes();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
