using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Topology.Idempotency.Tests;

public sealed class IdempotencyKeyTests
{
    private const string Hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    private static readonly DateTimeOffset Time = DateTimeOffset.FromUnixTimeSeconds(1725148800);

    [Theory]
    [InlineData("acme", "u1", "order.create", Hash, $"idempotency:acme:u1:order.create:{Hash}:1725148800")]
    [InlineData("acme", "a.b@c.org", "POST /orders", "h", "idempotency:acme:a.b@c.org:POST /orders:h:1725148800")]
    [InlineData("A_Z~-", "+=/?!#", "<x>|y", "'\"`", "idempotency:A_Z~-:+=/?!#:<x>|y:'\"`:1725148800")]
    public void A_plain_key_is_byte_identical_to_the_format_of_the_specification(string tenant, string user, string operation, string hash, string expected)
    {
        var key = IdempotencyKey.Generate(tenant, user, operation, hash, Time);

        Assert.Equal(expected, key.ToString());
        Assert.Equal(key, IdempotencyKey.Parse(expected));
    }

    [Theory]
    [InlineData("a:b", "a%3Ab")]
    [InlineData("100%", "100%25")]
    [InlineData("{tag}", "%7Btag%7D")]
    [InlineData("tab\t", "tab%09")]
    [InlineData("\u007f", "%7F")]
    [InlineData("Zoë", "Zo%C3%AB")]
    [InlineData("\U0001F600", "%F0%9F%98%80")]
    public void Everything_else_is_percent_encoded(string tenant, string expected)
    {
        var text = IdempotencyKey.Generate(tenant, "u", "o", "h", Time).ToString();

        Assert.Equal($"idempotency:{expected}:u:o:h:1725148800", text);
        Assert.Equal(tenant, IdempotencyKey.Parse(text).Tenant);
    }

    [Theory]
    [InlineData("a", "b:c", "a:b", "c")]
    [InlineData("a", "b%3Ac", "a", "b:c")]
    [InlineData("a%", "b", "a%25", "b")]
    public void No_caller_can_forge_the_key_of_another(string tenant1, string user1, string tenant2, string user2)
    {
        var one = IdempotencyKey.Generate(tenant1, user1, "o", "h", Time);
        var two = IdempotencyKey.Generate(tenant2, user2, "o", "h", Time);

        Assert.NotEqual(one.ToString(), two.ToString());
        Assert.NotEqual(one.ToRecordKey(), two.ToRecordKey());
    }

    [Theory]
    [InlineData("", IdempotencyKeyError.WrongPrefix)]
    [InlineData("idempotence:a:b:c:d:1", IdempotencyKeyError.WrongPrefix)]
    [InlineData("Idempotency:a:b:c:d:1", IdempotencyKeyError.WrongPrefix)]
    [InlineData("idempotency:a:b:c:1", IdempotencyKeyError.WrongPartCount)]
    [InlineData("idempotency:a:b:c:d:e:1", IdempotencyKeyError.WrongPartCount)]
    [InlineData("idempotency:a:b:c:d:1:", IdempotencyKeyError.WrongPartCount)]
    [InlineData("idempotency::b:c:d:1", IdempotencyKeyError.EmptyPart)]
    [InlineData("idempotency:a:b:c::1", IdempotencyKeyError.EmptyPart)]
    [InlineData("idempotency:a{:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:é:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:%41:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:%3a:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:%3:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:%:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:%C3:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:%ED%A0%80:b:c:d:1", IdempotencyKeyError.BadEscape)]
    [InlineData("idempotency:a:b:c:d:", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d:+5", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d: 5", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d:-5", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d:1_000", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d:05", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d:٥", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d:253402300800", IdempotencyKeyError.BadTimestamp)]
    [InlineData("idempotency:a:b:c:d:99999999999999999999", IdempotencyKeyError.BadTimestamp)]
    public void A_text_that_is_no_key_says_why(string text, IdempotencyKeyError expected)
    {
        Assert.False(IdempotencyKey.TryParse(text, out var key, out var error));
        Assert.Null(key);
        Assert.Equal(expected, error);
        Assert.Throws<FormatException>(() => IdempotencyKey.Parse(text));
    }

    [Fact]
    public void A_part_has_at_most_256_characters_once_escaped()
    {
        var longest = new string('a', IdempotencyKey.MaxPartLength);

        Assert.Equal(longest, IdempotencyKey.Parse(IdempotencyKey.Generate(longest, "u", "o", "h", Time).ToString()).Tenant);
        Assert.Throws<ArgumentException>(() => IdempotencyKey.Generate(longest + "a", "u", "o", "h", Time));
        Assert.Throws<ArgumentException>(() => IdempotencyKey.Generate(new string(':', 86), "u", "o", "h", Time));
        Assert.False(IdempotencyKey.TryParse($"idempotency:{longest}a:u:o:h:1", out _, out var error));
        Assert.Equal(IdempotencyKeyError.PartTooLong, error);
    }

    [Fact]
    public void Half_a_surrogate_pair_and_an_empty_part_are_refused()
    {
        Assert.Throws<ArgumentException>(() => IdempotencyKey.Generate("\ud83d", "u", "o", "h", Time));
        Assert.Throws<ArgumentException>(() => IdempotencyKey.Generate("", "u", "o", "h", Time));
        Assert.Throws<ArgumentOutOfRangeException>(() => IdempotencyKey.Generate("t", "u", "o", "h", DateTimeOffset.UnixEpoch.AddSeconds(-1)));
    }

    [Property(MaxTest = 1_000)]
    public Property Parsing_gives_back_what_was_formatted() => Prop.ForAll(Parts.Arbitrary(), parts =>
    {
        var key = IdempotencyKey.Generate(parts.Tenant, parts.User, parts.Operation, parts.Hash, parts.Time);
        var text = key.ToString();
        return IdempotencyKey.TryParse(text, out var parsed, out _)
            && parsed == key
            && parsed.ToString() == text
            && (parsed.Tenant, parsed.User, parsed.Operation, parsed.RequestHash) == (parts.Tenant, parts.User, parts.Operation, parts.Hash);
    });

    [Property(MaxTest = 1_000)]
    public Property There_are_exactly_five_separators() => Prop.ForAll(Parts.Arbitrary(), parts =>
        IdempotencyKey.Generate(parts.Tenant, parts.User, parts.Operation, parts.Hash, parts.Time).ToString().Count(c => c == ':') == 5);

    [Property(MaxTest = 1_000)]
    public Property The_record_key_does_not_depend_on_the_timestamp() => Prop.ForAll(Parts.Arbitrary(), ArbMap.Default.ArbFor<uint>(), (parts, other) =>
    {
        var one = IdempotencyKey.Generate(parts.Tenant, parts.User, parts.Operation, parts.Hash, parts.Time).ToRecordKey();
        var two = IdempotencyKey.Generate(parts.Tenant, parts.User, parts.Operation, parts.Hash, DateTimeOffset.FromUnixTimeSeconds(other)).ToRecordKey();
        return one.Equals(two) && one.Value == two.Value && two.Time == DateTimeOffset.FromUnixTimeSeconds(other);
    });

    private sealed record Parts(string Tenant, string User, string Operation, string Hash, DateTimeOffset Time)
    {
        public static Arbitrary<Parts> Arbitrary()
        {
            var part = Gen.Elements("a", "b", ":", "%", "%3A", "{", "}", " ", "é", "\U0001F600", "\0", "/", "25")
                .NonEmptyListOf().Select(pieces => string.Concat(pieces.Take(12)));
            return (from tenant in part
                    from user in part
                    from operation in part
                    from hash in part
                    from seconds in ArbMap.Default.GeneratorFor<uint>()
                    select new Parts(tenant, user, operation, hash, DateTimeOffset.FromUnixTimeSeconds(seconds))).ToArbitrary();
        }
    }
}
