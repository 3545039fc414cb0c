using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Topology.Samples.Tests.Platform;

/// <summary>Takes traces over OTLP, and tells which services have sent spans of a trace.</summary>
internal sealed class TraceCollector : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentBag<byte[]> _batches = [];

    public TraceCollector()
    {
        for (var tries = 0; ; tries++)
        {
            Address = $"http://127.0.0.1:{System.Security.Cryptography.RandomNumberGenerator.GetInt32(12_000, 32_000)}/";
            _listener.Prefixes.Clear();
            _listener.Prefixes.Add(Address);
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (tries < 20)
            {
            }
        }

        _ = ReceiveAsync();
    }

    public string Address { get; private set; }

    /// <summary>A batch names its service once and holds each span's trace id as 16 bytes.</summary>
    public bool Has(string service, string traceId)
    {
        var id = Convert.FromHexString(traceId);
        var name = Encoding.UTF8.GetBytes(service);
        return _batches.Any(batch => batch.AsSpan().IndexOf(id) >= 0 && batch.AsSpan().IndexOf(name) >= 0);
    }

    public void Dispose() => ((IDisposable)_listener).Dispose();

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                _batches.Add(body.ToArray());
                context.Response.Close();
            }
        }
        catch (Exception ended) when (ended is HttpListenerException or ObjectDisposedException)
        {
            // disposed
        }
    }
}
