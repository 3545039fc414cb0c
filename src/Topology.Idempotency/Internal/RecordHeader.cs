using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Topology.Idempotency.Internal;

/// <summary>
/// What every Redis record starts with: 126 ASCII bytes, then the result. Version (1) · state (1) · fence (16 decimal) · token (32
/// hex) · request hash (64 hex) · grace in ms (12 decimal).
/// </summary>
/// <remarks>
/// The lease is alive exactly while the key's remaining time to live is above the grace, so one clock decides: the server's. A claim
/// taken over is in progress like any other; it has a letter of its own so that the same claim sent again is answered the same.
/// </remarks>
internal readonly struct RecordHeader
{
    public const int Length = 126;
    public const int OwnerLength = 48;
    public const char InProgress = 'P';
    public const char TakenOver = 'O';
    public const char Completed = 'C';
    public const char Tombstone = 'T';
    public const char Released = 'R';
    public const char Sealed = 'S';
    public const char Indeterminate = 'Q';

    private RecordHeader(char state, long fence, RequestFingerprint fingerprint, long graceMs)
    {
        State = state;
        Fence = fence;
        Fingerprint = fingerprint;
        GraceMs = graceMs;
    }

    public char State { get; }

    public long Fence { get; }

    public RequestFingerprint Fingerprint { get; }

    public long GraceMs { get; }

    public bool IsRunning => State is InProgress or TakenOver;

    public static void Write(Span<byte> record, char state, long fence, Guid token, RequestFingerprint fingerprint, long graceMs)
    {
        record[0] = (byte)'1';
        record[1] = (byte)state;
        WriteOwner(record[2..], fence, token);
        fingerprint.WriteHex(record[50..]);
        Utf8Formatter.TryFormat(graceMs, record[114..], out _, new StandardFormat('D', 12));
    }

    /// <summary>Writes fence and token as they stand in the record, from its third byte on.</summary>
    public static void WriteOwner(Span<byte> utf8, long fence, Guid token)
    {
        Utf8Formatter.TryFormat(fence, utf8, out _, new StandardFormat('D', 16));
        Utf8Formatter.TryFormat(token, utf8[16..], out _, 'N');
    }

    public static bool TryRead(ReadOnlySpan<byte> record, out RecordHeader header)
    {
        header = default;
        if (record.Length < Length || record[0] != '1'
            || !Utf8Parser.TryParse(record[2..18], out long fence, out var read) || read != 16
            || !Utf8Parser.TryParse(record[114..126], out long grace, out read) || read != 12)
            return false;
        Span<char> hash = stackalloc char[64];
        Encoding.Latin1.GetChars(record[50..114], hash);
        if (!RequestFingerprint.TryParse(hash, out var fingerprint))
            return false;
        header = new RecordHeader((char)record[1], fence, fingerprint, grace);
        return true;
    }
}
