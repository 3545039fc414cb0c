using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Topology.Idempotency.AspNetCore.Internal;

/// <summary>
/// A request body that was read to be fingerprinted and is put back for the endpoint to read. In the buffer it follows the other parts
/// that make two requests different, so that one pass hashes all of it.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    private byte[] _buffer;
    private int _length;

    private RequestBody(byte[] buffer, int length)
    {
        _buffer = buffer;
        _length = length;
    }

    /// <returns><see langword="null"/> when the body is larger than the limit.</returns>
    public static async ValueTask<RequestBody?> ReadAsync(HttpContext context, int maxBytes)
    {
        var request = context.Request;
        if (request.ContentLength > maxBytes)
            return null;
        var body = StartWith(
            [
                request.Method, request.PathBase.Value, request.Path.Value, request.QueryString.Value, request.ContentType,
                request.Headers.ContentEncoding.ToString(),
            ],
            (int)(request.ContentLength ?? 4096) + 1);
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } || request.ContentLength == 0)
            return body;

        var start = body._length;
        var whole = false;
        try
        {
            while (true)
            {
                if (body._length == body._buffer.Length)
                    body.Grow();
                var read = await request.Body.ReadAsync(body._buffer.AsMemory(body._length), context.RequestAborted).ConfigureAwait(false);
                if (read == 0)
                    break;
                body._length += read;
                if (body._length - start > maxBytes)
                    return null;
            }

            request.Body = new MemoryStream(body._buffer, start, body._length - start, writable: false);
            whole = true;
            return body;
        }
        finally
        {
            if (!whole)
                body.Dispose();
        }
    }

    /// <summary>Hashes everything that makes two requests different: method, path, query, content type and encoding, each length first, and the body.</summary>
    public RequestFingerprint Fingerprint() => RequestFingerprint.Compute(_buffer.AsSpan(0, _length));

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private static RequestBody StartWith(ReadOnlySpan<string?> parts, int room)
    {
        foreach (var part in parts)
            room += 4 + Encoding.UTF8.GetMaxByteCount(part?.Length ?? 0);
        var buffer = ArrayPool<byte>.Shared.Rent(room);
        var written = 0;
        foreach (var part in parts)
        {
            var count = Encoding.UTF8.GetBytes(part, buffer.AsSpan(written + 4));
            BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(written), count);
            written += 4 + count;
        }

        return new RequestBody(buffer, written);
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.CopyTo(larger.AsSpan());
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
