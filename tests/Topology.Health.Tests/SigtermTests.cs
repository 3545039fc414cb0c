using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Topology.Health.Tests;

/// <summary>Two processes behind a load balancer that watches ready; one gets the signal a Kubernetes node sends.</summary>
public sealed class SigtermTests
{
    [Fact]
    public async Task A_process_that_gets_SIGTERM_is_not_ready_at_once_serves_for_the_drain_delay_and_loses_no_request()
    {
        var token = TestContext.Current.CancellationToken;
        using var first = await ServiceProcess.StartAsync(drainSeconds: 3);
        using var second = await ServiceProcess.StartAsync(drainSeconds: 3);
        using var http = new HttpClient { BaseAddress = first.Address };
        using var balancer = new LoadBalancer([first.Address, second.Address], "/work");
        await Until.True(() => balancer.InRotation == 2, cancellationToken: token);

        var requests = balancer.SendAsync(perSecond: 200, TimeSpan.FromSeconds(6), token);
        await Until.True(() => balancer.Served(0) > 50 && balancer.Served(1) > 50, cancellationToken: token);
        var clock = Stopwatch.StartNew();
        first.Terminate();

        // The kernel has delivered the signal; the process hears of it on a thread of its own.
        await Until.Value(() => CodeAsync("/health/ready"), code => code == HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(2), token);
        Assert.Equal(HttpStatusCode.OK, await CodeAsync("/health/live"));
        Assert.Equal(HttpStatusCode.OK, await CodeAsync("/work"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await CodeAsync("/health/ready"));

        Assert.Equal(0, await first.ExitAsync(token));
        Assert.True(clock.Elapsed > TimeSpan.FromSeconds(2.9), $"exited {clock.Elapsed} after the signal, before the drain delay was over");
        var before = balancer.Served(1);
        await Until.True(() => balancer.Served(1) > before, cancellationToken: token);
        var (sent, failed) = await requests;
        Assert.Equal(0, failed);
        Assert.True(sent >= 1_000, $"{sent} requests in 6 s");

        async Task<HttpStatusCode> CodeAsync(string path) => (await http.GetAsync(path, token)).StatusCode;
    }

    /// <summary>This executable as a service: see Program.cs.</summary>
    private sealed class ServiceProcess : IDisposable
    {
        private readonly Process _process;

        private ServiceProcess(Process process, Uri address) => (_process, Address) = (process, address);

        public Uri Address { get; }

        public static async Task<ServiceProcess> StartAsync(int drainSeconds)
        {
            var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["service", drainSeconds.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardOutput = true,
            })!;
            var address = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
            return new ServiceProcess(process, new Uri(address!));
        }

        public void Terminate()
        {
            using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
        }

        public async Task<int> ExitAsync(CancellationToken cancellationToken)
        {
            await _process.WaitForExitAsync(cancellationToken);
            return _process.ExitCode;
        }

        public void Dispose()
        {
            _process.Kill();
            _process.Dispose();
        }
    }
}
