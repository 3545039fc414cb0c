using System.Buffers;
using System.Text;

namespace Topology.Dlq.Internal;

/// <summary>Any text as printable ASCII: a client's header encoding may be anything, and a line break would end the header.</summary>
internal static class HeaderText
{
    public const string Truncated = "...[truncated]";

    /// <summary>Percent-encodes; what would take more than the limit is cut between characters and marked.</summary>
    public static string Encode(string text, int limit = int.MaxValue)
    {
        if (text.Length <= limit && !text.AsSpan().ContainsAnyExceptInRange('!', '~') && !text.Contains('%', StringComparison.Ordinal))
            return text;

        var encoded = new StringBuilder(Math.Min(text.Length + 16, limit));
        Span<byte> utf8 = stackalloc byte[4];
        var position = 0;
        var fits = 0;
        while (position < text.Length)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(position), out var rune, out var consumed) != OperationStatus.Done)
                rune = Rune.ReplacementChar;
            var edge = position == 0 || position + consumed == text.Length;
            if (rune.Value is > ' ' and <= '~' and not '%' || (rune.Value == ' ' && !edge))
            {
                encoded.Append((char)rune.Value);
            }
            else
            {
                foreach (var octet in utf8[..rune.EncodeToUtf8(utf8)])
                    encoded.Append('%').Append(octet.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
            }

            if (encoded.Length > limit)
            {
                encoded.Length = fits;
                return encoded.Append(Truncated).ToString();
            }

            if (encoded.Length <= limit - Truncated.Length)
                fits = encoded.Length;
            position += consumed;
        }

        return encoded.ToString();
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
