using System.Text;

namespace Topology.Idempotency.Tests;

public sealed class RequestFingerprintTests
{
    [Fact]
    public void It_is_the_sha256_of_the_bytes_in_lower_case_hex()
    {
        // FIPS 180-2, appendix B.1
        var fingerprint = RequestFingerprint.Compute("abc"u8);

        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", fingerprint.ToString());
        Assert.True(RequestFingerprint.TryParse(fingerprint.ToString(), out var parsed));
        Assert.Equal(fingerprint, parsed);
    }

    [Fact]
    public void None_matches_everything_and_others_match_only_themselves()
    {
        var one = RequestFingerprint.Compute("1"u8);
        var two = RequestFingerprint.Compute("2"u8);

        Assert.True(one.Matches(one));
        Assert.False(one.Matches(two));
        Assert.True(one.Matches(RequestFingerprint.None));
        Assert.True(RequestFingerprint.None.Matches(two));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    public void Other_text_is_not_read(string text) => Assert.False(RequestFingerprint.TryParse(text, out _));

    [Fact]
    public void It_takes_exactly_32_bytes() =>
        Assert.Throws<ArgumentException>(() => new RequestFingerprint(Encoding.ASCII.GetBytes("short")));
}
