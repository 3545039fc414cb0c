using System.Buffers;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace Topology.Idempotency.AspNetCore.Internal;

/// <summary>
/// Reads the header of draft-ietf-httpapi-idempotency-key-header-07: one structured-field string (RFC 8941, 3.3.3) whose parameters
/// mean nothing here; a bare key is read too unless the options are strict.
/// </summary>
internal static class KeyHeader
{
    private static readonly SearchValues<char> Bare = SearchValues.Create(
        Enumerable.Range('!', '~' - '!' + 1).Select(c => (char)c).Where(c => c is not ('"' or ',' or ';' or '\\')).ToArray());

    private static readonly SearchValues<char> ParameterName = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.*");

    public static bool TryRead(StringValues header, bool requireQuoted, int maxLength, out string key)
    {
        key = "";
        if (header.Count != 1 || header[0] is not { } line)
            return false;
        var rest = line.AsSpan().Trim(' ');
        if (rest.IsEmpty)
            return false;
        if (rest[0] == '"')
        {
            if (!TryReadString(ref rest, out key) || !TrySkipParameters(rest))
                return false;
        }
        else
        {
            if (requireQuoted || rest.ContainsAnyExcept(Bare))
                return false;
            key = rest.ToString();
        }

        return key.Length >= 1 && key.Length <= maxLength;
    }

    private static bool TryReadString(ref ReadOnlySpan<char> rest, out string text)
    {
        text = "";
        StringBuilder? builder = null;
        for (var i = 1; i < rest.Length; i++)
        {
            var c = rest[i];
            if (c == '"')
            {
                text = builder?.ToString() ?? rest[1..i].ToString();
                rest = rest[(i + 1)..];
                return true;
            }

            if (c == '\\')
            {
                builder ??= new StringBuilder().Append(rest[1..i]);
                if (++i == rest.Length || rest[i] is not ('"' or '\\'))
                    return false;
                c = rest[i];
            }
            else if (c is < ' ' or > '~')
            {
                return false;
            }

            builder?.Append(c);
        }

        return false;
    }

    private static bool TrySkipParameters(ReadOnlySpan<char> rest)
    {
        while (!rest.IsEmpty)
        {
            if (rest[0] != ';')
                return false;
            rest = rest[1..].TrimStart(' ');
            var length = rest.IndexOfAnyExcept(ParameterName);
            length = length < 0 ? rest.Length : length;
            if (length == 0 || !(char.IsAsciiLetterLower(rest[0]) || rest[0] == '*'))
                return false;
            rest = rest[length..];
            if (rest.IsEmpty || rest[0] != '=')
                continue;
            rest = rest[1..];
            if (!rest.IsEmpty && rest[0] == '"')
            {
                if (!TryReadString(ref rest, out _))
                    return false;
                continue;
            }

            length = rest.IndexOfAnyExcept(Bare);
            length = length < 0 ? rest.Length : length;
            if (length == 0)
                return false;
            rest = rest[length..];
        }

        return true;
    }
}
