using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Topology.TestKit;

/// <summary>A TCP proxy on a free loopback port that holds, drops, delays or cuts what passes. Safe for concurrent use.</summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Link, bool> _links = new();
    private readonly Gate _toServer = new();
    private readonly Gate _toClient = new();
    private readonly int _targetPort;
    private readonly Task _accepting;
    private (byte[] Text, byte[] Other)? _replaced;
    private int _bursts;

    private FaultProxy(int targetPort)
    {
        _targetPort = targetPort;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>Gets the port clients connect to.</summary>
    public int Port { get; }

    /// <summary>Gets how often a client started to send after the server had answered: the round trips of one caller at a time.</summary>
    public int RequestBursts => Volatile.Read(ref _bursts);

    /// <summary>Gets or sets how long each chunk waits before it is passed on, both ways.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Starts a proxy to a port on this machine.</summary>
    /// <param name="targetPort">The port of the server.</param>
    public static FaultProxy Start(int targetPort) => new(targetPort);

    /// <summary>Keeps back what goes this way until <see cref="Pass"/>.</summary>
    /// <param name="direction">The way.</param>
    /// <param name="afterChunks">How many chunks pass first.</param>
    public void Hold(FaultDirection direction, int afterChunks = 0) => GateOf(direction).Set(Mode.Hold, afterChunks);

    /// <summary>Swallows what goes this way. A connection that lost something passes nothing more this way: <see cref="Cut"/> it.</summary>
    /// <param name="direction">The way.</param>
    /// <param name="afterChunks">How many chunks pass first.</param>
    public void Drop(FaultDirection direction, int afterChunks = 0) => GateOf(direction).Set(Mode.Drop, afterChunks);

    /// <summary>Lets everything through again, what was held first.</summary>
    public void Pass()
    {
        _toServer.Set(Mode.Pass, 0);
        _toClient.Set(Mode.Pass, 0);
    }

    /// <summary>Gets how many chunks were held or dropped this way since <see cref="Hold"/> or <see cref="Drop"/>.</summary>
    /// <param name="direction">The way.</param>
    public int Stopped(FaultDirection direction) => GateOf(direction).Stopped;

    /// <summary>Puts other text of the same length into what the server answers, wherever it stands within one chunk.</summary>
    /// <param name="text">ASCII text, such as a version that is to look older.</param>
    /// <param name="other">What the client sees.</param>
    public void Replace(string text, string other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.Length, text.Length);
        _replaced = (Encoding.ASCII.GetBytes(text), Encoding.ASCII.GetBytes(other));
    }

    /// <summary>Closes all connections.</summary>
    public void Cut()
    {
        foreach (var link in _links.Keys)
            link.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        Pass();
        Cut();
        await _accepting;
        _stop.Dispose();
    }

    private Gate GateOf(FaultDirection direction) => direction == FaultDirection.ToServer ? _toServer : _toClient;

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                var server = new TcpClient { NoDelay = true };
                client.NoDelay = true;
                var link = new Link(client, server);
                _links[link] = true;
                _ = RunAsync(link);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // disposed
        }
    }

    private async Task RunAsync(Link link)
    {
        try
        {
            await link.Server.ConnectAsync(IPAddress.Loopback, _targetPort, _stop.Token);
            await Task.WhenAny(PumpAsync(link, FaultDirection.ToServer), PumpAsync(link, FaultDirection.ToClient));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // the server is away: the client sees a closed connection
        }
        finally
        {
            _links.TryRemove(link, out _);
            link.Dispose();
        }
    }

    private async Task PumpAsync(Link link, FaultDirection direction)
    {
        var toServer = direction == FaultDirection.ToServer;
        var buffer = new byte[64 * 1024];
        var lost = false; // TCP never delivers what follows a gap: an answer would be taken for that of another request
        try
        {
            var from = (toServer ? link.Client : link.Server).GetStream();
            var to = (toServer ? link.Server : link.Client).GetStream();
            int read;
            while ((read = await from.ReadAsync(buffer, _stop.Token)) > 0)
            {
                if (toServer && Interlocked.Exchange(ref link.Requesting, 1) == 0)
                    Interlocked.Increment(ref _bursts);
                if (!toServer)
                    Volatile.Write(ref link.Requesting, 0);
                if (Delay > TimeSpan.Zero)
                    await Task.Delay(Delay, _stop.Token);
                if (!toServer && _replaced is var (text, other) && buffer.AsSpan(0, read).IndexOf(text) is >= 0 and var at)
                    other.CopyTo(buffer.AsSpan(at));
                lost |= !await GateOf(direction).EnterAsync(_stop.Token);
                if (!lost)
                    await to.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // closed on one side: the other is closed too
        }
    }

    private enum Mode
    {
        Pass,
        Hold,
        Drop,
    }

    private sealed class Gate
    {
        private readonly Lock _lock = new();
        private Mode _mode;
        private int _pass;
        private TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Stopped { get; private set; }

        public void Set(Mode mode, int afterChunks)
        {
            lock (_lock)
            {
                _mode = mode;
                _pass = afterChunks;
                Stopped = 0;
                _opened.TrySetResult();
                _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        /// <returns>Whether the chunk is passed on.</returns>
        public async ValueTask<bool> EnterAsync(CancellationToken cancellationToken)
        {
            var counted = false;
            while (true)
            {
                Task opened;
                lock (_lock)
                {
                    if (_mode == Mode.Pass || (!counted && _pass-- > 0))
                        return true;
                    if (!counted)
                        Stopped++;
                    counted = true;
                    if (_mode == Mode.Drop)
                        return false;
                    opened = _opened.Task;
                }

                await opened.WaitAsync(cancellationToken);
            }
        }
    }

    private sealed class Link(TcpClient client, TcpClient server) : IDisposable
    {
        public int Requesting;

        public TcpClient Client => client;

        public TcpClient Server => server;

        public void Dispose()
        {
            client.Dispose();
            server.Dispose();
        }
    }
}
