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

    /// <exception cref="ArgumentException">The text is empty, holds a lone surrogate, or is too long once escaped.</exception>
    public static string Escape(string text, int maxLength, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(text, parameter);
        var escaped = text.AsSpan().ContainsAnyExcept(Plain) ? EscapeSlow(text, parameter) : text;
        return escaped.Length <= maxLength
            ? escaped
            : throw new ArgumentException($"The text has {escaped.Length} characters once escaped; {maxLength} is the most.", parameter);
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

    private static string EscapeSlow(string text, string parameter)
    {
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

        Span<char> escaped = utf8.Length <= 512 ? stackalloc char[3 * 512] : new char[3 * utf8.Length];
        var length = 0;
        foreach (var b in utf8)
        {
            if (Plain.Contains((char)b))
            {
                escaped[length++] = (char)b;
                continue;
            }

            escaped[length] = '%';
            b.TryFormat(escaped[(length + 1)..], out _, "X2", CultureInfo.InvariantCulture);
            length += 3;
        }

        return new string(escaped[..length]);
    }
}
