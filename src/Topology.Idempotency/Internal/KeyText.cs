using System.Buffers;
using System.Globalization;
using System.Text;

namespace Topology.Idempotency.Internal;

/// <summary>
/// The reversible, injective text form of a key's parts: visible ASCII stays as it is, except the separator, the escape and the
/// braces with which a caller could choose a Redis Cluster slot.
/// </summary>
internal static class KeyText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly SearchValues<char> Plain =
        SearchValues.Create(Enumerable.Range(0x20, 0x5F).Select(c => (char)c).Where(c => c is not (':' or '%' or '{' or '}')).ToArray());

    /// <summary>Escapes four parts and puts them together, the last one after <paramref name="separator"/> and the others after a colon.</summary>
    /// <exception cref="ArgumentException">A part is empty, holds a lone surrogate, or is too long once escaped.</exception>
    public static string Compose(string tenant, string user, string operation, string separator, string last, int maxLastLength, string lastName)
    {
        Span<char> text = stackalloc char[3 * IdempotencyKey.MaxPartLength + 2 + separator.Length + maxLastLength];
        var rest = text;
        Escape(tenant, IdempotencyKey.MaxPartLength, nameof(tenant), ref rest);
        Write(":", ref rest);
        Escape(user, IdempotencyKey.MaxPartLength, nameof(user), ref rest);
        Write(":", ref rest);
        Escape(operation, IdempotencyKey.MaxPartLength, nameof(operation), ref rest);
        Write(separator, ref rest);
        Escape(last, maxLastLength, lastName, ref rest);
        return new string(text[..^rest.Length]);
    }

    public static IdempotencyKeyError TryUnescape(ReadOnlySpan<char> part, int maxLength, out string text)
    {
        text = "";
        if (part.IsEmpty)
            return IdempotencyKeyError.EmptyPart;
        if (part.Length > maxLength)
            return IdempotencyKeyError.PartTooLong;
        if (!part.ContainsAnyExcept(Plain))
        {
            text = part.ToString();
            return IdempotencyKeyError.None;
        }

        Span<byte> bytes = part.Length <= 1024 ? stackalloc byte[part.Length] : new byte[part.Length];
        var count = 0;
        for (var i = 0; i < part.Length; i++)
        {
            if (Plain.Contains(part[i]))
            {
                bytes[count++] = (byte)part[i];
                continue;
            }

            if (part[i] != '%' || i + 2 >= part.Length
                || !byte.TryParse(part.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[count])
                || char.IsAsciiLetterLower(part[i + 1]) || char.IsAsciiLetterLower(part[i + 2])
                || Plain.Contains((char)bytes[count]))
                return IdempotencyKeyError.BadEscape;
            count++;
            i += 2;
        }

        // Strictly decoded, so two texts never stand for one part; the catch is off the path of every plain key.
        try
        {
            text = Strict.GetString(bytes[..count]);
            return IdempotencyKeyError.None;
        }
        catch (DecoderFallbackException)
        {
            return IdempotencyKeyError.BadEscape;
        }
    }

    private static void Escape(string text, int maxLength, string parameter, ref Span<char> rest)
    {
        ArgumentException.ThrowIfNullOrEmpty(text, parameter);
        if (!text.AsSpan().ContainsAnyExcept(Plain))
        {
            ThrowIfTooLong(text.Length, maxLength, parameter);
            Write(text, ref rest);
            return;
        }

        var most = Strict.GetMaxByteCount(text.Length);
        Span<byte> utf8 = most <= 512 ? stackalloc byte[512] : new byte[most];
        try
        {
            utf8 = utf8[..Strict.GetBytes(text, utf8)];
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("The text holds half of a surrogate pair.", parameter, e);
        }

        var length = utf8.Length;
        foreach (var b in utf8)
            length += Plain.Contains((char)b) ? 0 : 2;
        ThrowIfTooLong(length, maxLength, parameter);
        foreach (var b in utf8)
        {
            if (Plain.Contains((char)b))
            {
                rest[0] = (char)b;
                rest = rest[1..];
                continue;
            }

            rest[0] = '%';
            b.TryFormat(rest[1..], out _, "X2", CultureInfo.InvariantCulture);
            rest = rest[3..];
        }
    }

    private static void Write(string text, ref Span<char> rest)
    {
        text.CopyTo(rest);
        rest = rest[text.Length..];
    }

    private static void ThrowIfTooLong(int length, int maxLength, string parameter)
    {
        if (length > maxLength)
            throw new ArgumentException($"The text has {length} characters once escaped; {maxLength} is the most.", parameter);
    }
}
