using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Topology.Idempotency.AspNetCore.Internal;

/// <summary>A request body that was read to be fingerprinted and is put back for the endpoint to read.</summary>
internal sealed class RequestBody : IDisposable
{
    private readonly byte[] _buffer;
    private readonly int _length;

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
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } || request.ContentLength == 0)
            return new RequestBody([], 0);

        var buffer = ArrayPool<byte>.Shared.Rent((int)(request.ContentLength ?? 4096) + 1);
        var length = 0;
        try
        {
            while (true)
            {
                var read = await request.Body.ReadAsync(buffer.AsMemory(length), context.RequestAborted).ConfigureAwait(false);
                length += read;
                if (length > maxBytes)
                    return null;
                if (read == 0)
                    break;
                if (length < buffer.Length)
                    continue;
                var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                buffer.CopyTo(larger.AsSpan());
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }

            var body = new RequestBody(buffer, length);
            buffer = [];
            request.Body = new MemoryStream(body._buffer, 0, length, writable: false);
            return body;
        }
        finally
        {
            if (buffer.Length > 0)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Hashes everything that makes two requests different: method, path, query, content type, encoding and body, each length first.</summary>
    public RequestFingerprint Fingerprint(HttpRequest request)
    {
        ReadOnlySpan<string?> parts =
        [
            request.Method, request.PathBase.Value, request.Path.Value, request.QueryString.Value, request.ContentType,
            request.Headers.ContentEncoding.ToString(),
        ];
        var length = SHA256.HashSizeInBytes;
        foreach (var part in parts)
            length += 4 + Encoding.UTF8.GetMaxByteCount(part?.Length ?? 0);

        var bytes = ArrayPool<byte>.Shared.Rent(length);
        SHA256.HashData(_buffer.AsSpan(0, _length), bytes);
        var written = SHA256.HashSizeInBytes;
        foreach (var part in parts)
        {
            var count = Encoding.UTF8.GetBytes(part, bytes.AsSpan(written + 4));
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(written), count);
            written += 4 + count;
        }

        var fingerprint = RequestFingerprint.Compute(bytes.AsSpan(0, written));
        ArrayPool<byte>.Shared.Return(bytes);
        return fingerprint;
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
    }
}
