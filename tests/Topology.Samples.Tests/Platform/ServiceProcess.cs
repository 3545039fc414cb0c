using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Topology.TestKit;

namespace Topology.Samples.Tests.Platform;

/// <summary>One service of the platform as an operator starts it: its own process, on a free loopback port.</summary>
internal sealed partial class ServiceProcess : IAsyncDisposable
{
    private readonly string _service;
    private readonly StringBuilder _output = new();
    private readonly Process _process;
    private bool _disposed;

    private ServiceProcess(string service, IReadOnlyDictionary<string, string> settings)
    {
        _service = service;
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var start = new ProcessStartInfo(Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", service, configuration, service)))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.Environment["DOTNET_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Address { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public int Id => _process.Id;

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Starts a service and waits until it listens; <see cref="ReadyAsync"/> waits until it is ready.</summary>
    public static async Task<ServiceProcess> StartAsync(string service, IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        var process = new ServiceProcess(service, settings);
        await Until.True(
            () => process._process.HasExited || Listening().IsMatch(process.Output), TimeSpan.FromSeconds(120), cancellationToken);
        if (process._process.HasExited)
            throw new InvalidOperationException($"{service} ended at its start:\n{process.Output}");
        process.Address = new Uri(Listening().Match(process.Output).Groups[1].Value);
        process.Http = new HttpClient { BaseAddress = process.Address, Timeout = TimeSpan.FromSeconds(60) };
        return process;
    }

    public async Task<ServiceProcess> ReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Until.Value(() => ProbeAsync("ready", cancellationToken), status => status == 200, TimeSpan.FromSeconds(90), cancellationToken);
            return this;
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{_service} is not ready: {late.Message}\n{Output}", late);
        }
    }

    public async Task<int> ProbeAsync(string probe, CancellationToken cancellationToken) => (await ReadAsync(probe, cancellationToken)).Status;

    public async Task<(int Status, string Body)> ReadAsync(string probe, CancellationToken cancellationToken)
    {
        using var response = await Http.GetAsync($"/health/{probe}", cancellationToken);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
    }

    public Task TerminateAsync(CancellationToken cancellationToken) => EndAsync("TERM", cancellationToken);

    public Task KillAsync(CancellationToken cancellationToken) => EndAsync("KILL", cancellationToken);

    public void Signal(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        Http?.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    [GeneratedRegex(@"Now listening on: (http://127\.0\.0\.1:\d+)")]
    private static partial Regex Listening();

    private async Task EndAsync(string signal, CancellationToken cancellationToken)
    {
        Signal(signal);
        await _process.WaitForExitAsync(cancellationToken);
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
            _output.Append(line.Data).Append('\n');
    }
}
