using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Microsoft.Extensions.Options;
using Topology.Idempotency.Internal;

namespace Topology.Idempotency.Tests;

public sealed class ResultFormatTests
{
    private static readonly IdempotencyRecordKey Key = IdempotencyRecordKey.Internal("t", "u", "o", "k");
    private static readonly StoredResult Result = new()
    {
        Status = 201,
        Headers = [new("Location", "/runs/7"), new("Link", "a"), new("Link", "é")],
        Body = Encoding.UTF8.GetBytes("the body"),
    };

    private static ResultFormat Format(Action<IdempotencyEncryptionOptions>? configure = null, bool verifyHash = true)
    {
        var encryption = new IdempotencyEncryptionOptions();
        configure?.Invoke(encryption);
        return new ResultFormat(Options.Create(new IdempotencyOptions { ValidateResponseHash = verifyHash }), Options.Create(encryption));
    }

    private static Action<IdempotencyEncryptionOptions> Encrypted(string current, params string[] ids) => options =>
    {
        options.CurrentKeyId = current;
        foreach (var id in ids.Append(current))
            options.Keys[id] = [.. Enumerable.Repeat((byte)id[0], 32)];
    };

    private static bool Reads(ResultFormat format, byte[] bytes) => format.TryDecode(Key, bytes, out _);

    [Property(MaxTest = 500)]
    public Property What_is_written_is_read(ushort status, byte[]? body) => Prop.ForAll(
        ArbMap.Default.ArbFor<NonNull<string>[]>(),
        texts =>
        {
            var headers = texts.Select(t => new KeyValuePair<string, string>("X", Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(t.Get)))).ToArray();
            foreach (var format in new[] { Format(), Format(Encrypted("a")) })
            {
                var bytes = format.Encode(Key, new StoredResult { Status = status, Headers = headers, Body = body ?? [] });
                if (!format.TryDecode(Key, bytes, out var read) || read.Status != status || !read.Headers.SequenceEqual(headers)
                    || !read.Body.Span.SequenceEqual(body ?? []))
                    return false;
            }

            return true;
        });

    [Fact]
    public void Any_changed_byte_is_noticed_and_no_cut_is_read()
    {
        foreach (var format in new[] { Format(), Format(Encrypted("a")) })
        {
            var bytes = format.Encode(Key, Result).ToArray();
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] ^= 0x10;
                Assert.False(Reads(format, bytes), $"byte {i} of {bytes.Length}");
                bytes[i] ^= 0x10;
                Assert.False(Reads(format, bytes[..i]), $"cut at {i}");
            }

            Assert.True(Reads(format, bytes));
        }
    }

    [Fact]
    public void Without_the_check_a_changed_body_is_replayed_but_nonsense_is_not()
    {
        var format = Format(verifyHash: false);
        var bytes = format.Encode(Key, Result).ToArray();
        bytes[^1] ^= 1;

        Assert.True(Reads(format, bytes));
        for (var i = 0; i < bytes.Length; i++)
            Assert.False(Reads(format, bytes[..i]));
    }

    [Fact]
    public void An_encrypted_result_shows_nothing_and_opens_only_under_its_own_key()
    {
        var format = Format(Encrypted("a"));
        var bytes = format.Encode(Key, Result).ToArray();

        Assert.DoesNotContain("the body", Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
        Assert.NotEqual(bytes, format.Encode(Key, Result).ToArray());
        Assert.False(format.TryDecode(IdempotencyRecordKey.Internal("t", "u", "o", "other"), bytes, out _));
        Assert.False(Reads(Format(Encrypted("b")), bytes));
        Assert.False(Reads(Format(), bytes));
    }

    [Fact]
    public void An_old_key_still_opens_what_it_wrote()
    {
        var bytes = Format(Encrypted("old")).Encode(Key, Result).ToArray();

        Assert.True(Reads(Format(Encrypted("new", "old")), bytes));
    }

    [Fact]
    public void What_is_not_encrypted_is_replayed_only_when_the_options_say_so()
    {
        var bytes = Format().Encode(Key, Result).ToArray();

        Assert.False(Reads(Format(Encrypted("a")), bytes));
        Assert.True(Reads(Format(Encrypted("a") + (o => o.ReadUnencrypted = true)), bytes));
    }

    [Theory]
    [InlineData(31, "a", "a", false)]
    [InlineData(33, "a", "a", false)]
    [InlineData(32, "a b", "a b", false)]
    [InlineData(32, "a", "b", false)]
    [InlineData(32, "a", "a", true)]
    public void Keys_are_checked_at_start(int bytes, string id, string current, bool valid)
    {
        var options = new IdempotencyEncryptionOptions { CurrentKeyId = current };
        options.Keys[id] = new byte[bytes];

        Assert.Equal(valid, new IdempotencyEncryptionOptionsValidator().Validate(null, options).Succeeded);
    }
}
