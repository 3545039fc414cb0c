using System.Buffers.Binary;
using System.Text;

namespace Topology.Dlq.Internal;

/// <summary>What does not fit into a letter's message: original headers beyond the budget and the tail of the body, in parts a server takes.</summary>
internal static class LetterOverflow
{
    public static List<ReadOnlyMemory<byte>> Write(
        IReadOnlyList<KeyValuePair<string, string>> pairs, ReadOnlyMemory<byte> tail, int partSize)
    {
        using var all = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        Int(length, pairs.Count);
        foreach (var (name, value) in pairs)
        {
            Framed(length, name);
            Framed(length, value);
        }

        all.Write(tail.Span);
        var bytes = all.ToArray();
        var parts = new List<ReadOnlyMemory<byte>>();
        for (var start = 0; start < bytes.Length; start += partSize)
            parts.Add(bytes.AsMemory(start, Math.Min(partSize, bytes.Length - start)));
        return parts;

        void Framed(Span<byte> scratch, string text)
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            Int(scratch, utf8.Length);
            all.Write(utf8);
        }

        void Int(Span<byte> scratch, int value)
        {
            BinaryPrimitives.WriteInt32BigEndian(scratch, value);
            all.Write(scratch);
        }
    }

    /// <exception cref="FormatException">It was not made by <see cref="Write"/>.</exception>
    public static (IReadOnlyList<KeyValuePair<string, string>> Pairs, ReadOnlyMemory<byte> Tail) Read(byte[] bytes)
    {
        try
        {
            var position = 0;
            var pairs = new KeyValuePair<string, string>[Int()];
            for (var i = 0; i < pairs.Length; i++)
                pairs[i] = new(Framed(), Framed());
            return (pairs, bytes.AsMemory(position));

            string Framed()
            {
                var length = Int();
                var text = Encoding.UTF8.GetString(bytes, position, length);
                position += length;
                return text;
            }

            int Int()
            {
                var value = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(position));
                position += 4;
                return value;
            }
        }
        catch (Exception malformed) when (malformed is ArgumentException or OverflowException)
        {
            throw new FormatException("The overflow is malformed.", malformed);
        }
    }
}
