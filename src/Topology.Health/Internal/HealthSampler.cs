using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Topology.Health.Internal;

/// <summary>One loop per check: run, record, wait a jittered period.</summary>
internal sealed class HealthSampler(
    HealthBoard board, IServiceScopeFactory scopes, IHostApplicationLifetime lifetime, IOptions<HealthOptions> options,
    TimeProvider timeProvider, ILogger<HealthSampler> logger, Func<double> random) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _loops = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(board.HostStarted);
        _loops = Task.WhenAll(board.Checks.Select(check => SampleAsync(check, _stop.Token)));
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loops.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _stop.Dispose();

    private async Task SampleAsync(CheckEntry check, CancellationToken cancellationToken)
    {
        var runner = new CheckRunner(check.Registration, check.Timeout, scopes, timeProvider, logger);
        while (!board.IsDone(check))
        {
            board.Record(check, await runner.RunAsync(cancellationToken).ConfigureAwait(false));
            var wait = check.Period * (1 + options.Value.Jitter * (2 * random() - 1));
            // The period of the check, drawn anew each time so that instances do not ask their servers in step.
            await Task.Delay(wait, timeProvider, cancellationToken).ConfigureAwait(false);
        }
    }
}
