using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Topology.Idempotency.AspNetCore.Internal;

/// <summary>
/// Holds a response back until its record is stored. A response that is streamed or larger than the limit goes out as it is written,
/// and only the fact that it happened is kept.
/// </summary>
internal sealed class CapturedResponse : StreamResponseBodyFeature, IDisposable
{
    private readonly CaptureStream _stream;

    private CapturedResponse(CaptureStream stream, IHttpResponseBodyFeature inner)
        : base(stream, inner)
    {
        _stream = stream;
        Inner = inner;
    }

    public IHttpResponseBodyFeature Inner { get; }

    public bool IsStreamed => _stream.IsStreamed;

    public ReadOnlyMemory<byte> Body => _stream.Body;

    public static CapturedResponse Create(HttpContext context, int maxBytes)
    {
        var inner = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        return new CapturedResponse(new CaptureStream(context.Response, inner.Stream, maxBytes), inner);
    }

    public override void DisableBuffering()
    {
        _stream.StreamFromNowOn();
        base.DisableBuffering();
    }

    public void Release() => _stream.Release();

    void IDisposable.Dispose()
    {
        Dispose();
        _stream.Release();
    }

    private sealed class CaptureStream(HttpResponse response, Stream inner, int maxBytes) : Stream
    {
        private byte[] _buffer = [];
        private int _length;
        private bool _streamRequested;

        public bool IsStreamed { get; private set; }

        public ReadOnlyMemory<byte> Body => _buffer.AsMemory(0, _length);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void StreamFromNowOn() => _streamRequested = true;

        public void Release()
        {
            if (_buffer.Length > 0)
                ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
            _length = 0;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!IsStreamed && !MustStream(buffer.Length))
            {
                Append(buffer.Span);
                return;
            }

            if (!IsStreamed)
            {
                IsStreamed = true;
                await inner.WriteAsync(Body, cancellationToken).ConfigureAwait(false);
                Release();
            }

            await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (!IsStreamed && !MustStream(buffer.Length))
            {
                Append(buffer);
                return;
            }

            if (!IsStreamed)
            {
                IsStreamed = true;
                inner.Write(Body.Span);
                Release();
            }

            inner.Write(buffer);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
            if (IsStreamed)
                inner.Flush();
        }

        // JSON writers flush when they are done: only a response that is streamed already has anything to push out.
        public override async Task FlushAsync(CancellationToken cancellationToken)
        {
            if (!IsStreamed && !MustStream(0))
                return;
            if (!IsStreamed)
                await WriteAsync(ReadOnlyMemory<byte>.Empty, cancellationToken).ConfigureAwait(false);
            await inner.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        private bool MustStream(int more) =>
            _streamRequested
            || _length + (long)more > maxBytes
            || response.ContentType?.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase) == true;

        private void Append(ReadOnlySpan<byte> bytes)
        {
            if (_length + bytes.Length > _buffer.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + bytes.Length, _buffer.Length * 2));
                Body.Span.CopyTo(larger);
                var length = _length;
                Release();
                _buffer = larger;
                _length = length;
            }

            bytes.CopyTo(_buffer.AsSpan(_length));
            _length += bytes.Length;
        }
    }
}
