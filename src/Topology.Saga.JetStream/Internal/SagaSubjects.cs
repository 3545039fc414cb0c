using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Topology.Saga.JetStream.Internal;

/// <summary>The names of everything on the server.</summary>
/// <remarks>
/// <c>log.{definition}.{id}.entry</c>; <c>item.{definition}.{id}.start|wake|timer</c>; <c>inbox.{definition}.{id}.message</c>;
/// <c>timer.{due minute}.near|far</c>; <c>clock</c>; and what is too large for one message as <c>….part.{set}.{number}</c> beside its owner.
/// </remarks>
internal sealed class SagaSubjects(string prefix)
{
    private const int LongestToken = 180;
    private static readonly SearchValues<char> _plain = SearchValues.Create("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");

    public string LogStream { get; } = Stream(prefix, "LOG");

    public string ItemStream { get; } = Stream(prefix, "ITEMS");

    public string TimerStream { get; } = Stream(prefix, "TIMERS");

    public string[] OfLog => [$"{prefix}.log.>"];

    public string[] OfItems => [$"{prefix}.item.>", $"{prefix}.inbox.>", Clock];

    public string[] OfTimers => [$"{prefix}.timer.*.*"];

    public string Clock { get; } = $"{prefix}.clock";

    public string AllTimers => $"{prefix}.timer.*.*";

    /// <summary>The stream a saga's things of a kind are in.</summary>
    public string StreamOf(string kind) => kind == "log" ? LogStream : ItemStream;

    /// <summary>Where a saga's things of a kind are, without what follows.</summary>
    public string Of(string kind, SagaId id) => $"{prefix}.{kind}.{Token(id.Definition)}.{Token(id.Value)}";

    /// <summary>Where one of a saga's things is.</summary>
    public string Of(string kind, SagaId id, string what) => $"{prefix}.{kind}.{Token(id.Definition)}.{Token(id.Value)}.{what}";

    public string EntriesOf(string definition) => $"{prefix}.log.{Token(definition)}.*.entry";

    public string ItemsOf(string definition) => $"{prefix}.item.{Token(definition)}.*.*";

    public string NewsOf(string definition) => $"{prefix}.inbox.{Token(definition)}.*.message";

    public string Timer(long minute, bool isNear) => string.Create(CultureInfo.InvariantCulture, $"{prefix}.timer.{minute}.{(isNear ? "near" : "far")}");

    /// <summary>Returns the minute of a timer's subject.</summary>
    public static long MinuteOf(string timerSubject) => long.Parse(timerSubject.Split('.')[^2], CultureInfo.InvariantCulture);

    /// <summary>The name of a definition's consumer.</summary>
    public static string Consumer(string definition) => Token(definition);

    /// <summary>Returns the token of the saga's id in a subject of one saga.</summary>
    public static string IdToken(string subject) => subject.Split('.')[^2];

    /// <summary>A text as one token that is its own for every text, and can be read back unless the text is very long.</summary>
    public static string Token(string text)
    {
        var token = Escape(text);
        return token.Length <= LongestToken ? token : "==" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Whether <see cref="Token"/> cannot be read back.</summary>
    public static bool IsHashed(string token) => token.StartsWith("==", StringComparison.Ordinal);

    /// <summary>A text in characters that are good everywhere.</summary>
    public static string Escape(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(_plain))
        {
            return text;
        }

        var escaped = new StringBuilder();
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            _ = _plain.Contains((char)octet) ? escaped.Append((char)octet) : escaped.Append('=').Append(octet.ToString("X2", CultureInfo.InvariantCulture));
        }

        return escaped.ToString();
    }

    public static string Unescape(string escaped)
    {
        if (!escaped.Contains('=', StringComparison.Ordinal))
        {
            return escaped;
        }

        var octets = new List<byte>();
        for (var i = 0; i < escaped.Length; i++)
        {
            octets.Add(escaped[i] == '=' ? byte.Parse(escaped.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) : (byte)escaped[i]);
            i += escaped[i] == '=' ? 2 : 0;
        }

        return Encoding.UTF8.GetString([.. octets]);
    }

    private static string Stream(string prefix, string what) => $"{prefix.Replace('.', '_').ToUpperInvariant()}_{what}";
}
