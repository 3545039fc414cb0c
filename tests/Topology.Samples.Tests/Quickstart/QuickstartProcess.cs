using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Topology.TestKit;

namespace Topology.Samples.Tests.Quickstart;

/// <summary>The quickstart as a reader starts it: its own process, from a folder that is not its own.</summary>
internal sealed partial class QuickstartProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    private QuickstartProcess(string[] arguments)
    {
        // artifacts/bin/Topology.Samples.Tests/release/ -> artifacts/bin/Quickstart/release/
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var binaries = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", ".."));
        Folder = Path.Combine(binaries, "Quickstart", configuration);
        var start = new ProcessStartInfo(Path.Combine(Folder, "Quickstart"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Folder { get; }

    public string Output => Read(_output);

    public string Error => Read(_error);

    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static QuickstartProcess Start(params string[] arguments) => new(arguments);

    public static async Task<(int ExitCode, QuickstartProcess Process)> RunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var process = Start(arguments);
        await process._process.WaitForExitAsync(cancellationToken);
        return (process._process.ExitCode, process);
    }

    /// <summary>Returns the address of a process started with <c>--stay</c>, once its stories are told.</summary>
    public async Task<Uri> StayAddressAsync(CancellationToken cancellationToken)
    {
        var line = await Until.Value(
            () => Lines.FirstOrDefault(l => l.Contains("the host stays at", StringComparison.Ordinal)), l => l is not null, TimeSpan.FromSeconds(60), cancellationToken);
        return new Uri(Url().Match(line!).Value);
    }

    /// <summary>Sends SIGTERM.</summary>
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

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+")]
    private static partial Regex Url();

    private static void Append(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.Append(line).Append('\n');
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString().TrimEnd('\n');
        }
    }
}
