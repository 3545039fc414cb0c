using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Topology.TestKit;

/// <summary>A real server, run as a child process on a free loopback port with a directory of its own.</summary>
/// <remarks>
/// Port and directory outlive <see cref="StopAsync"/> and <see cref="KillAsync"/>, so <see cref="StartAgainAsync"/> finds what was stored.
/// <see cref="DisposeAsync"/> removes both; when the test process is killed, a watchdog does.
/// Members are not thread safe: one test drives one server.
/// </remarks>
public abstract class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);

    private readonly StringBuilder _output = new();
    private readonly string _executable;
    private Process? _process;
    private Process? _watchdog;
    private bool _paused;

    private protected ServerProcess(string executable)
    {
        _executable = executable;
        Name = $"{executable}-{Environment.ProcessId}-{Guid.NewGuid():N}";
        Directory = Path.Combine(Path.GetTempPath(), Name);
    }

    /// <summary>Gets the name no other server has.</summary>
    public string Name { get; }

    /// <summary>Gets the directory the server stores in.</summary>
    public string Directory { get; }

    /// <summary>Gets the loopback port, the same after a restart.</summary>
    public int Port { get; private set; }

    /// <summary>Gets the process id of the running server.</summary>
    public int ProcessId => Running.Id;

    /// <summary>Gets whether the server runs; a paused one does.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Gets what the server printed so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    private Process Running => _process is { HasExited: false } process
        ? process
        : throw new InvalidOperationException(Describe($"{_executable} is not running"));

    /// <summary>Asks the server to end (SIGTERM) and waits until it has.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => EndAsync(Signal.Terminate, cancellationToken);

    /// <summary>Kills the server (SIGKILL), as a crash would, and waits until it is gone.</summary>
    public Task KillAsync(CancellationToken cancellationToken = default) => EndAsync(Signal.Kill, cancellationToken);

    /// <summary>Starts the stopped or killed server again, on the same port and directory.</summary>
    public async Task StartAgainAsync(CancellationToken cancellationToken = default)
    {
        if (_process is not null)
            throw new InvalidOperationException($"{_executable} was not stopped.");
        if (!await TryStartAsync(Port, cancellationToken))
            throw new InvalidOperationException(Describe($"port {Port} was taken while {_executable} was down"));
    }

    /// <summary>Stops the server's execution (SIGSTOP): connections stay open and nothing answers.</summary>
    public void Pause()
    {
        Signal.Send(Running.Id, Signal.Stop);
        _paused = true;
        var threads = $"/proc/{Running.Id}/task"; // the signal is sent before it is obeyed; without /proc there is no way to see it
        if (System.IO.Directory.Exists(threads))
            SpinWait.SpinUntil(() => System.IO.Directory.GetDirectories(threads).All(IsStopped), StopLimit);
    }

    /// <summary>Lets a paused server go on (SIGCONT).</summary>
    public void Continue()
    {
        Signal.Send(Running.Id, Signal.Continue);
        _paused = false;
    }

    /// <summary>Has the server read its configuration again (SIGHUP).</summary>
    private protected void Reload() => Signal.Send(Running.Id, Signal.HangUp);

    /// <summary>Throws when the server ended and nobody asked it to, with what it printed.</summary>
    public void ThrowIfCrashed()
    {
        if (_process is { HasExited: true })
            throw new InvalidOperationException(Describe($"{_executable} ended by itself with exit code {_process.ExitCode}"));
    }

    /// <summary>Ends the server, removes its directory, and throws when it had ended by itself.</summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        var crashed = _process is { HasExited: true } ? Describe($"{_executable} ended by itself with exit code {_process.ExitCode}") : null;
        if (IsRunning)
            await KillAsync();
        DismissWatchdog();
        _process?.Dispose();
        if (System.IO.Directory.Exists(Directory))
            System.IO.Directory.Delete(Directory, recursive: true);
        if (crashed is not null)
            throw new InvalidOperationException(crashed);
    }

    /// <summary>Gets the command line for a start on <see cref="Port"/>; files may be written to <see cref="Directory"/>.</summary>
    private protected abstract IEnumerable<string> Arguments();

    /// <summary>Returns <see langword="null"/> when the server at the other end is this one and ready, else what it said.</summary>
    private protected abstract Task<string?> GreetAsync(NetworkStream stream, CancellationToken cancellationToken);

    private protected async Task StartAsync(CancellationToken cancellationToken)
    {
        System.IO.Directory.CreateDirectory(Directory);
        try
        {
            for (var round = 0; round < 20; round++)
            {
                if (FreePort() is { } port && await TryStartAsync(port, cancellationToken))
                    return;
            }

            throw new InvalidOperationException(Describe($"{_executable} found no free port in 20 tries"));
        }
        catch
        {
            _process = _process is { HasExited: true } ? null : _process; // the failure under way says it already
            await DisposeAsync();
            throw;
        }
    }

    private static bool IsStopped(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "stat")).Contains(") T ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true; // the thread has ended
        }
    }

    // Below the range from which the kernel picks ports of outgoing connections, so that a stopped server's port stays free.
    private static int? FreePort()
    {
        var port = System.Security.Cryptography.RandomNumberGenerator.GetInt32(12_000, 32_000);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return port;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static string Find(string executable)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/sbin").Append("/usr/local/bin");
        return folders.Select(folder => Path.Combine(folder, executable)).FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"{executable} is not installed and this test needs it. Run eng/servers.sh, or ./test.sh, which does.");
    }

    private async Task<bool> TryStartAsync(int port, CancellationToken cancellationToken)
    {
        Port = port;
        _process = Spawn();
        _watchdog = Watch(_process.Id, Directory);
        var limit = Stopwatch.StartNew();
        while (true)
        {
            if (_process.HasExited)
            {
                await _process.WaitForExitAsync(cancellationToken); // reads its output to the end
                if (Output.Contains("already in use", StringComparison.OrdinalIgnoreCase))
                {
                    DismissWatchdog();
                    _process.Dispose();
                    _process = null;
                    return false;
                }

                throw new InvalidOperationException(Describe($"{_executable} ended at its start with exit code {_process.ExitCode}"));
            }

            if (await TryGreetAsync(cancellationToken) is not { } wrong)
                return true;
            if (limit.Elapsed > StartLimit)
                throw new TimeoutException(Describe($"{_executable} was not ready within {StartLimit.TotalSeconds:0} s on port {port}: {wrong}"));
            await Task.Delay(10, cancellationToken);
        }
    }

    private Process Spawn()
    {
        lock (_output)
        {
            _output.Clear();
        }

        var start = new ProcessStartInfo(Find(_executable)) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Directory };
        foreach (var argument in Arguments())
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
            return;
        lock (_output)
        {
            if (_output.Length < 1_000_000)
                _output.AppendLine(line.Data);
        }
    }

    private async Task<string?> TryGreetAsync(CancellationToken cancellationToken)
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        soon.CancelAfter(TimeSpan.FromSeconds(1));
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port, soon.Token);
            return await GreetAsync(client.GetStream(), soon.Token);
        }
        catch (Exception failure) when (failure is SocketException or IOException
            || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return failure.Message;
        }
    }

    private async Task EndAsync(int signal, CancellationToken cancellationToken)
    {
        var process = Running;
        Signal.Send(process.Id, signal);
        if (_paused && signal != Signal.Kill)
            Continue();
        _paused = false;
        await process.WaitForExitAsync(cancellationToken).WaitAsync(StopLimit, cancellationToken);
        DismissWatchdog();
        process.Dispose();
        _process = null;
    }

    // The pipe to its standard input closes when this process ends, however it ends. PR_SET_PDEATHSIG would not do: it fires when the
    // thread that forked ends, and here that is a thread-pool thread.
    private static Process Watch(int processId, string directory)
    {
        const string script = """
            trap '' INT TERM HUP
            read -r dismissed && exit
            kill -KILL "$1"
            for try in 1 2 3 4 5; do rm -rf "$2" && break; sleep 0.1; done
            """;
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-c", script, "watchdog", processId.ToString(System.Globalization.CultureInfo.InvariantCulture), directory])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private void DismissWatchdog()
    {
        if (_watchdog is null)
            return;
        try
        {
            _watchdog.StandardInput.WriteLine("dismissed");
            _watchdog.StandardInput.Flush();
            _watchdog.WaitForExit();
        }
        catch (IOException)
        {
            // It was killed by hand; there is nothing left to dismiss.
        }

        _watchdog.Dispose();
        _watchdog = null;
    }

    private string Describe(string what) => $"{what}. It printed:{Environment.NewLine}{Output}";

    private static partial class NativeMethods
    {
        [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int SendSignal(int processId, int signal);
    }

    private static class Signal
    {
        public const int HangUp = 1;
        public const int Kill = 9;
        public const int Terminate = 15;
        public static readonly int Stop = OperatingSystem.IsMacOS() ? 17 : 19;
        public static readonly int Continue = OperatingSystem.IsMacOS() ? 19 : 18;

        public static void Send(int processId, int signal)
        {
            if (NativeMethods.SendSignal(processId, signal) != 0)
                throw new InvalidOperationException($"kill -{signal} {processId} failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }
}
