namespace Topology.Idempotency.Tests;

public sealed class IdempotencyRecordKeyTests
{
    [Fact]
    public void The_time_of_a_uuid_version_7_limits_the_key()
    {
        var time = DateTimeOffset.FromUnixTimeMilliseconds(1_725_148_800_123);

        var key = IdempotencyRecordKey.ForClientKey("t", "u", "o", Guid.CreateVersion7(time).ToString());

        Assert.Equal(time, key.Time);
    }

    [Theory]
    [InlineData("8e03978e-40d5-43e8-bc93-6894a57f9324")]
    [InlineData("my-key")]
    [InlineData("0191e57f-0000-7000-0000-000000000000")] // version 7, but not the variant of RFC 9562
    [InlineData("idempotency:t:u:o:h:+5")]
    public void Other_keys_carry_no_time(string clientKey) =>
        Assert.Null(IdempotencyRecordKey.ForClientKey("t", "u", "o", clientKey).Time);

    [Fact]
    public void A_visible_key_sent_by_a_client_keeps_its_identity_when_a_retry_stamps_it_anew()
    {
        var first = IdempotencyRecordKey.ForClientKey("t", "u", "o", "idempotency:x:y:z:h:1725148800");
        var retry = IdempotencyRecordKey.ForClientKey("t", "u", "o", "idempotency:x:y:z:h:1725148801");

        Assert.Equal(first, retry);
        Assert.Equal(1725148801, retry.Time!.Value.ToUnixTimeSeconds());
    }

    [Fact]
    public void Tenant_and_user_inside_a_client_key_do_not_count()
    {
        var mallory = IdempotencyRecordKey.ForClientKey("evil", "mallory", "o", "idempotency:acme:u1:o:h:1725148800");
        var victim = IdempotencyKey.Parse("idempotency:acme:u1:o:h:1725148800").ToRecordKey();

        Assert.NotEqual(victim, mallory);
        Assert.StartsWith("evil:mallory:o:", mallory.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_key_never_meets_the_record_of_a_request_hash()
    {
        var content = IdempotencyKey.Generate("t", "u", "o", "h", DateTimeOffset.UnixEpoch).ToRecordKey();

        Assert.NotEqual(content, IdempotencyRecordKey.ForClientKey("t", "u", "o", "h"));
    }

    [Fact]
    public void The_text_for_logs_names_nobody()
    {
        var key = IdempotencyRecordKey.ForClientKey("acme", "alice", "o", "secret");

        Assert.Matches("^[0-9a-f]{16}$", key.ToString());
    }
}
