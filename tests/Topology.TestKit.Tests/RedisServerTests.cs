using StackExchange.Redis;

namespace Topology.TestKit.Tests;

public sealed class RedisServerTests(RedisFixture redis)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Set_if_absent_returns_what_is_already_there()
    {
        var key = RedisFixture.Unique();
        var database = redis.Connection.GetDatabase();
        Assert.True((await database.ExecuteAsync("SET", key, "first", "NX", "GET", "PX", "60000")).IsNull);
        Assert.Equal("first", (string?)await database.ExecuteAsync("SET", key, "second", "NX", "GET", "PX", "60000"));
    }

    [Fact]
    public async Task A_script_runs_on_the_server()
    {
        var key = RedisFixture.Unique();
        var result = await redis.Connection.GetDatabase().ScriptEvaluateAsync(
            "return redis.call('INCRBY', KEYS[1], ARGV[1])", [key], [41]);
        Assert.Equal(41, (long)result);
    }

    [Fact]
    public async Task The_server_that_answers_is_the_child_process()
    {
        await using var other = await RedisServer.StartAsync(cancellationToken: Token);
        Assert.NotEqual(redis.Server.Port, other.Port);
        await using var connection = await other.ConnectAsync();
        var info = await connection.GetServers()[0].InfoRawAsync("server");
        Assert.Contains($"process_id:{other.ProcessId}\r\n", info, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_answered_is_there_after_a_kill_and_a_start_on_the_same_port()
    {
        await using var server = await RedisServer.StartAsync(cancellationToken: Token);
        var port = server.Port;
        await using (var before = await server.ConnectAsync())
            await before.GetDatabase().StringSetAsync("k", "kept");
        await server.KillAsync(Token);
        Assert.False(server.IsRunning);
        await server.StartAgainAsync(Token);
        Assert.Equal(port, server.Port);
        await using var after = await server.ConnectAsync();
        Assert.Equal("kept", await after.GetDatabase().StringGetAsync("k"));
    }

    [Fact]
    public async Task A_paused_server_answers_nothing_until_it_goes_on()
    {
        await using var server = await RedisServer.StartAsync(cancellationToken: Token);
        await using var connection = await server.ConnectAsync(options => options.AsyncTimeout = 60_000);
        server.Pause();
        var ping = connection.GetDatabase().PingAsync();
        Assert.NotSame(ping, await Task.WhenAny(ping, Task.Delay(200, Token)));
        server.Continue();
        Assert.True(await ping > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_server_that_refuses_its_arguments_fails_the_start_with_what_it_printed()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => RedisServer.StartAsync(["--no-such-setting", "1"], Token));
        Assert.Contains("ended at its start with exit code", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no-such-setting", failure.Message, StringComparison.Ordinal);
    }
}
