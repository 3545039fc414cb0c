using Microsoft.Extensions.Primitives;
using Topology.Idempotency.AspNetCore.Internal;

namespace Topology.Idempotency.AspNetCore.Tests;

public sealed class KeyHeaderTests
{
    [Theory]
    [InlineData("\"8e03978e-40d5-43e8-bc93-6894a57f9324\"", "8e03978e-40d5-43e8-bc93-6894a57f9324")]
    [InlineData("  \"a b\"  ", "a b")]
    [InlineData("\"a\\\"b\\\\c\"", "a\"b\\c")]
    [InlineData("\"k\";a=1", "k")]
    [InlineData("\"k\"; a=\"x;\\\"y\"; b;*c=?1", "k")]
    [InlineData("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324")]
    [InlineData("idempotency:t:u:o:h:1725148800", "idempotency:t:u:o:h:1725148800")]
    public void A_string_or_a_bare_key_is_read(string header, string expected)
    {
        Assert.True(KeyHeader.TryRead(header, requireQuoted: false, 255, out var key));
        Assert.Equal(expected, key);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("\"\"")]
    [InlineData("\"")]
    [InlineData("\"a")]
    [InlineData("a\"")]
    [InlineData("\"a\" b")]
    [InlineData("\"a\", \"b\"")]
    [InlineData("a,b")]
    [InlineData("a b")]
    [InlineData("\"a\\n\"")]
    [InlineData("\"a\\")]
    [InlineData("\"a\tb\"")]
    [InlineData("\"é\"")]
    [InlineData("é")]
    [InlineData("\"k\";")]
    [InlineData("\"k\";A=1")]
    [InlineData("\"k\";a=")]
    [InlineData("\"k\";a=\"x")]
    public void Everything_else_is_malformed(string header) => Assert.False(KeyHeader.TryRead(header, requireQuoted: false, 255, out _));

    [Fact]
    public void Two_lines_are_malformed() => Assert.False(KeyHeader.TryRead(new StringValues(["a", "a"]), requireQuoted: false, 255, out _));

    [Fact]
    public void A_bare_key_is_malformed_when_quotes_are_required()
    {
        Assert.False(KeyHeader.TryRead("abc", requireQuoted: true, 255, out _));
        Assert.True(KeyHeader.TryRead("\"abc\"", requireQuoted: true, 255, out _));
    }

    [Fact]
    public void The_longest_key_has_255_characters()
    {
        Assert.True(KeyHeader.TryRead(new string('a', 255), requireQuoted: false, 255, out _));
        Assert.False(KeyHeader.TryRead(new string('a', 256), requireQuoted: false, 255, out _));
    }
}
