using System.Buffers;
using System.Text;

namespace Topology.Dlq.Internal;

/// <summary>Any text as printable ASCII: a client's header encoding may be anything, and a line break would end the header.</summary>
internal static class HeaderText
{
    public const string Truncated = "...[truncated]";

    private const string Hex = "0123456789ABCDEF";

    // Printable, and not what an encoded character begins with.
    private static readonly SearchValues<char> s_plain = SearchValues.Create(
        " !\"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~");

    /// <summary>Percent-encodes; what would take more than the limit is cut between characters and marked.</summary>
    public static string Encode(string text, int limit = int.MaxValue)
    {
        if (PlainFrom(text, 0) == text.Length && text.Length <= limit)
            return text;

        var encoded = new StringBuilder(Math.Min(text.Length + 16, limit));
        Span<byte> utf8 = stackalloc byte[4];
        var room = limit - Truncated.Length;
        var fits = 0;
        for (var position = 0; position < text.Length;)
        {
            var next = PlainFrom(text, position);
            if (encoded.Length <= room)
                fits = Math.Min(encoded.Length + (next - position), room);
            if (encoded.Length + (next - position) > limit)
                return encoded.Append(text, position, Math.Max(0, fits - encoded.Length)).ToString(0, fits) + Truncated;
            encoded.Append(text, position, next - position);
            position = next;
            if (position == text.Length)
                break;

            if (Rune.DecodeFromUtf16(text.AsSpan(position), out var rune, out var consumed) != OperationStatus.Done)
                rune = Rune.ReplacementChar;
            foreach (var octet in utf8[..rune.EncodeToUtf8(utf8)])
                encoded.Append('%').Append(Hex[octet >> 4]).Append(Hex[octet & 15]);
            if (encoded.Length > limit)
                return encoded.ToString(0, fits) + Truncated;
            if (encoded.Length <= room)
                fits = encoded.Length;
            position += consumed;
        }

        return encoded.ToString();
    }

    /// <returns>Where the characters that stay as they are end. A space at either edge does not: a header's value is trimmed.</returns>
    private static int PlainFrom(string text, int position)
    {
        if (position == 0 && text.StartsWith(' '))
            return 0;
        var plain = text.AsSpan(position).IndexOfAnyExcept(s_plain);
        return plain >= 0 ? position + plain : position < text.Length && text.EndsWith(' ') ? text.Length - 1 : text.Length;
    }

    /// <exception cref="FormatException">The text was not made by <see cref="Encode"/>.</exception>
    public static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
            return text;
        var octets = new ArrayBufferWriter<byte>(text.Length);
        Span<byte> one = stackalloc byte[1];
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                one[0] = (byte)text[i];
            }
            else
            {
                if (i + 2 >= text.Length || Convert.FromHexString(text.AsSpan(i + 1, 2), one, out _, out _) != OperationStatus.Done)
                    throw new FormatException("A percent sign is not followed by two hexadecimal digits.");
                i += 2;
            }

            octets.Write(one);
        }

        return Encoding.UTF8.GetString(octets.WrittenSpan);
    }
}
