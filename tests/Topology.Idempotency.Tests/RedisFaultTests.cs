using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Topology.Idempotency.Internal;
using Topology.TestKit;

namespace Topology.Idempotency.Tests;

public sealed class RedisFaultTests(RedisFixture redis) : IAsyncLifetime
{
    private readonly ShiftedClock _clock = new();
    private readonly IdempotencyOptions _options = new() { KeyPrefix = RedisFixture.Unique("fault") + ":" };
    private readonly IdempotencyRecordKey _key = IdempotencyRecordKey.Internal("t", "u", "o", "k");
    private FaultProxy _proxy = null!;
    private ConnectionMultiplexer _connection = null!;
    private RedisIdempotencyStore _store = null!;
    private IdempotentExecutor _executor = null!;
    private int _runs;

    public async ValueTask InitializeAsync()
    {
        _proxy = FaultProxy.Start(redis.Server.Port);
        _connection = await ConnectionMultiplexer.ConnectAsync(new ConfigurationOptions
        {
            EndPoints = { { "127.0.0.1", _proxy.Port } },
            ClientName = RedisFixture.Unique("client"),
            AsyncTimeout = 30_000, // how long a busy machine may take is not what is tested
            ReconnectRetryPolicy = new LinearRetry(50),
        });
        await ConnectedAsync(_connection);
        _store = new RedisIdempotencyStore(() => _connection, Options.Create(_options), _clock, () => 0.5);
        _executor = new IdempotentExecutor(
            _store,
            Options.Create(_options),
            new ResultFormat(Options.Create(_options), Options.Create(new IdempotencyEncryptionOptions())),
            _clock,
            new IdempotencyMetrics(null),
            NullLogger<IdempotentExecutor>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _proxy.DisposeAsync();
    }

    private RedisKey Name => _options.KeyPrefix + _key.Value;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ValueTask<IdempotentOutcome<StoredResult>> RunAsync(IdempotencyRecordKey? key = null, Func<Task>? during = null) =>
        _executor.ExecuteAsync(
            key ?? _key,
            RequestFingerprint.None,
            async (_, _) =>
            {
                Interlocked.Increment(ref _runs);
                await (during?.Invoke() ?? Task.CompletedTask);
                return new StoredResult { Body = "ok"u8.ToArray() };
            },
            cancellationToken: Token);

    private ClaimRequest Claim(IdempotencyRecordKey key) => new()
    {
        Key = key,
        Owner = Guid.NewGuid(),
        Lease = _options.Lease,
        Ttl = _options.Ttl,
        TimestampTolerance = _options.TimestampTolerance,
    };

    private async Task<IdempotencyRecordKey> TimedAsync(TimeSpan age)
    {
        var now = await redis.Connection.GetServers()[0].TimeAsync();
        return IdempotencyRecordKey.ForClientKey("t", "u", "o", Guid.CreateVersion7(now - age).ToString());
    }

    // Both connections are up: what passes from now on is the test's own. The client says that it is connected before the second one is.
    private static async Task ConnectedAsync(ConnectionMultiplexer connection)
    {
        await connection.GetDatabase().PingAsync();
        await Until.True(() => connection.GetSubscriber().IsConnected(), cancellationToken: Token);
        await connection.GetSubscriber().PingAsync();
    }

    private async Task AgeAsync(TimeSpan passed)
    {
        var direct = redis.Connection.GetDatabase();
        await direct.KeyExpireAsync(Name, await direct.KeyTimeToLiveAsync(Name) - passed);
        _clock.Passed += passed;
    }

    [Fact]
    public async Task A_first_call_takes_two_round_trips_and_a_replay_one()
    {
        await RunAsync(IdempotencyRecordKey.Internal("t", "u", "o", "warm")); // reads the server's time and loads the script

        var before = _proxy.RequestBursts;
        Assert.Equal(IdempotentStatus.Executed, (await RunAsync()).Status);
        Assert.Equal(2, _proxy.RequestBursts - before);

        before = _proxy.RequestBursts;
        Assert.Equal(IdempotentStatus.Replayed, (await RunAsync()).Status);
        Assert.Equal(1, _proxy.RequestBursts - before);
    }

    [Fact]
    public async Task A_claim_whose_answer_is_lost_is_asked_for_again_and_runs_once()
    {
        await RunAsync(IdempotencyRecordKey.Internal("t", "u", "o", "warm"));
        _runs = 0;
        _proxy.Drop(FaultDirection.ToClient);
        var running = RunAsync().AsTask();
        await Until.True(
            async () => _proxy.Stopped(FaultDirection.ToClient) > 0 && await redis.Connection.GetDatabase().KeyExistsAsync(Name), cancellationToken: Token);
        _proxy.Pass();
        _proxy.Cut();

        Assert.Equal((IdempotentStatus.Executed, true), ((await running).Status, (await running).IsSettled));
        Assert.Equal(IdempotentStatus.Replayed, (await RunAsync()).Status);
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_completion_whose_answer_is_lost_is_sent_again_and_counts_once()
    {
        var outcome = await RunAsync(during: () =>
        {
            _proxy.Drop(FaultDirection.ToClient);
            _ = Task.Run(async () =>
            {
                await Until.True(() => _proxy.Stopped(FaultDirection.ToClient) > 0, cancellationToken: Token);
                _proxy.Pass();
                _proxy.Cut();
            });
            return Task.CompletedTask;
        });

        Assert.Equal((IdempotentStatus.Executed, true), (outcome.Status, outcome.IsSettled));
        Assert.Equal(IdempotentStatus.Replayed, (await RunAsync()).Status);
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task Scripts_that_were_flushed_and_connections_that_were_killed_change_nothing()
    {
        var outcome = await RunAsync(during: async () =>
        {
            var server = redis.Connection.GetServers()[0];
            await server.ExecuteAsync("SCRIPT", "FLUSH");
            foreach (var client in (await server.ClientListAsync()).Where(client => client.Name == _connection.ClientName))
                await server.ExecuteAsync("CLIENT", "KILL", "ID", client.Id);
            Assert.Equal(IdempotentStatus.InProgress, (await RunAsync()).Status);
        });

        Assert.Equal((IdempotentStatus.Executed, true), (outcome.Status, outcome.IsSettled));
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_record_that_is_evicted_while_the_work_runs_is_noticed()
    {
        var outcome = await RunAsync(during: () => redis.Connection.GetDatabase().KeyDeleteAsync(Name));

        Assert.Equal(IdempotentStatus.LeaseLost, outcome.Status);
    }

    [Fact]
    public async Task A_store_that_does_not_answer_or_refuses_is_an_error_that_names_no_key()
    {
        await using var server = await RedisServer.StartAsync(cancellationToken: Token);
        await using var proxy = FaultProxy.Start(server.Port);
        await using var connection = await ConnectionMultiplexer.ConnectAsync(new ConfigurationOptions
        {
            EndPoints = { { "127.0.0.1", proxy.Port } }, AsyncTimeout = 300, BacklogPolicy = BacklogPolicy.FailFast,
        });
        var store = new RedisIdempotencyStore(() => connection, Options.Create(_options), TimeProvider.System, () => 0.5);
        var key = IdempotencyRecordKey.Internal("acme", "alice", "o", "k");
        var claim = (await store.ClaimAsync(Claim(key), Token)).Claim!;

        async Task Fails(string because)
        {
            var errors = await Task.WhenAll(new Func<Task>[]
            {
                async () => await store.ClaimAsync(Claim(IdempotencyRecordKey.Internal("acme", "alice", "o", because)), Token),
                async () => await store.ClaimAsync(Claim(key), Token),
                async () => await store.CompleteAsync(claim, "x"u8.ToArray(), Token),
                async () => await store.RenewAsync(claim, Token),
                async () => await store.SealAsync(key, _options.Ttl, Token),
                async () => await store.PeekAsync(key, TimeSpan.Zero, Token),
            }.Select(async call => await Record.ExceptionAsync(call)));
            foreach (var error in errors)
            {
                if (error is not null)
                    Assert.DoesNotContain("alice", Assert.IsType<IdempotencyStoreException>(error).ToString(), StringComparison.Ordinal);
                else
                    Assert.Equal("full", because); // what writes nothing new is answered
            }
        }

        await using (var direct = await server.ConnectAsync())
            await direct.GetServers()[0].ConfigSetAsync("maxmemory", "1");
        await Fails("full");
        proxy.Drop(FaultDirection.ToServer);
        await Fails("silent");
        proxy.Cut();
        await Until.True(() => !connection.IsConnected, cancellationToken: Token);
        await Fails("away");
    }

    [Fact]
    public async Task A_claim_that_reaches_the_server_after_the_record_could_be_gone_leaves_nothing_and_runs_nothing()
    {
        await _store.ClaimAsync(Claim(IdempotencyRecordKey.Internal("t", "u", "o", "warm")), Token);
        var key = await TimedAsync(TimeSpan.Zero);
        var request = Claim(key) with { Ttl = TimeSpan.FromSeconds(1.5), TimestampTolerance = TimeSpan.FromSeconds(1), Lease = TimeSpan.FromSeconds(0.5) };
        _proxy.Hold(FaultDirection.ToServer);
        var claiming = _store.ClaimAsync(request, Token).AsTask();
        await Until.True(() => _proxy.Stopped(FaultDirection.ToServer) > 0, cancellationToken: Token);
        await Until.True(async () => await redis.Connection.GetServers()[0].TimeAsync() > key.Time + TimeSpan.FromSeconds(0.6), cancellationToken: Token);
        _proxy.Pass();

        Assert.Equal(ClaimStatus.OutOfTolerance, (await claiming).Status);
        Assert.False(await redis.Connection.GetDatabase().KeyExistsAsync(_options.KeyPrefix + key.Value));
    }

    [Fact]
    public async Task A_claim_whose_answer_comes_when_the_record_could_soon_be_gone_runs_nothing()
    {
        await _store.ClaimAsync(Claim(IdempotencyRecordKey.Internal("t", "u", "o", "warm")), Token);
        var key = await TimedAsync(_options.TimestampTolerance - TimeSpan.FromSeconds(5));
        var request = Claim(key) with { Ttl = KeyTimes.ShortestTtl(_options.TimestampTolerance) };
        _proxy.Hold(FaultDirection.ToClient);
        var claiming = _store.ClaimAsync(request, Token).AsTask();
        await Until.True(() => _proxy.Stopped(FaultDirection.ToClient) > 0, cancellationToken: Token);
        _clock.Passed = TimeSpan.FromSeconds(45); // the record ends in 65 s; 20 s before it is too late to start
        _proxy.Pass();

        Assert.Equal(ClaimStatus.OutOfTolerance, (await claiming).Status);
    }

    [Fact]
    public async Task A_claim_whose_answer_comes_after_its_lease_has_run_out_is_looked_at_again()
    {
        await RunAsync(IdempotencyRecordKey.Internal("t", "u", "o", "warm"));
        _runs = 0;
        _proxy.Hold(FaultDirection.ToClient);
        var late = RunAsync().AsTask();
        await Until.True(() => redis.Connection.GetDatabase().KeyExistsAsync(Name), cancellationToken: Token);
        await AgeAsync(TimeSpan.FromSeconds(31));
        var other = new RedisIdempotencyStore(() => redis.Connection, Options.Create(_options), TimeProvider.System, () => 0.5);
        Assert.Equal(ClaimStatus.TookOver, (await other.ClaimAsync(Claim(_key), Token)).Status);
        _proxy.Pass();

        Assert.Equal(IdempotentStatus.InProgress, (await late).Status);
        Assert.Equal(0, _runs);
    }

    [Fact]
    public async Task A_claim_whose_answer_comes_late_has_a_whole_lease_when_nobody_took_over()
    {
        await RunAsync(IdempotencyRecordKey.Internal("t", "u", "o", "warm"));
        _proxy.Hold(FaultDirection.ToClient);
        var late = _store.ClaimAsync(Claim(_key), Token).AsTask();
        await Until.True(() => redis.Connection.GetDatabase().KeyExistsAsync(Name), cancellationToken: Token);
        await AgeAsync(TimeSpan.FromSeconds(31));
        _proxy.Pass();

        Assert.Equal((ClaimStatus.Acquired, _options.Lease), ((await late).Status, (await late).Claim!.Lease));
        Assert.InRange((await _store.PeekAsync(_key, TimeSpan.Zero, Token))!.LeaseLeft, TimeSpan.FromSeconds(25), _options.Lease);
    }

    [Fact]
    public async Task A_take_over_whose_answer_comes_after_the_next_one_runs_nothing()
    {
        await RunAsync(IdempotencyRecordKey.Internal("t", "u", "o", "warm"));
        _runs = 0;
        var other = new RedisIdempotencyStore(() => redis.Connection, Options.Create(_options), TimeProvider.System, () => 0.5);
        await other.ClaimAsync(Claim(_key), Token);
        Assert.Equal(ClaimStatus.InProgress, (await _store.ClaimAsync(Claim(_key), Token)).Status); // loads the script
        await AgeAsync(TimeSpan.FromSeconds(31));
        _proxy.Hold(FaultDirection.ToClient, afterChunks: 1);
        var late = RunAsync().AsTask();
        await Until.True(() => _proxy.Stopped(FaultDirection.ToClient) > 0, cancellationToken: Token); // it has taken over and does not know
        await AgeAsync(TimeSpan.FromSeconds(31));
        var owner = await other.ClaimAsync(Claim(_key), Token);
        Assert.Equal(ClaimStatus.TookOver, owner.Status);
        await other.CompleteAsync(owner.Claim!, new byte[] { 1 }, Token);
        _proxy.Pass();

        Assert.Equal(IdempotentStatus.Corrupt, (await late).Status); // the other's result, which is no more than a byte here
        Assert.Equal(0, _runs);
    }

    [Theory]
    [InlineData(FaultDirection.ToServer, 0)] // cut off while it asks for the time
    [InlineData(FaultDirection.ToServer, 1)] // while it looks for the record
    [InlineData(FaultDirection.ToClient, 0)]
    [InlineData(FaultDirection.ToClient, 1)]
    [InlineData(FaultDirection.ToClient, 2)] // not at all
    public async Task A_claim_out_of_tolerance_that_is_cut_off_after_any_command_leaves_and_runs_nothing(FaultDirection direction, int passing)
    {
        var key = await TimedAsync(_options.TimestampTolerance + TimeSpan.FromSeconds(1));
        await using var proxy = FaultProxy.Start(redis.Server.Port);
        await using var connection = await ConnectionMultiplexer.ConnectAsync(
            new ConfigurationOptions { EndPoints = { { "127.0.0.1", proxy.Port } }, BacklogPolicy = BacklogPolicy.FailFast });
        await ConnectedAsync(connection);
        var store = new RedisIdempotencyStore(() => connection, Options.Create(_options), TimeProvider.System, () => 0.5);

        proxy.Drop(direction, passing);
        var claiming = store.ClaimAsync(Claim(key), Token).AsTask();
        await Until.True(() => claiming.IsCompleted || proxy.Stopped(direction) > 0, cancellationToken: Token);
        proxy.Cut();

        if (await Record.ExceptionAsync(() => claiming) is { } error)
            Assert.IsType<IdempotencyStoreException>(error);
        else
            Assert.Equal(ClaimStatus.OutOfTolerance, (await claiming).Status);
        Assert.False(await redis.Connection.GetDatabase().KeyExistsAsync(_options.KeyPrefix + key.Value));
    }

    [Fact]
    public async Task A_connection_that_cannot_be_made_is_an_error_of_the_store()
    {
        var store = new RedisIdempotencyStore(
            () => throw new TimeoutException("alice"), Options.Create(_options), TimeProvider.System, () => 0.5);
        var claim = new IdempotencyClaim(Claim(_key), 1, _options.Lease);

        foreach (var call in new Func<Task>[]
        {
            async () => await store.ClaimAsync(Claim(_key), Token),
            async () => await store.CompleteAsync(claim, null, Token),
            async () => await store.RenewAsync(claim, Token),
            async () => await store.SealAsync(_key, _options.Ttl, Token),
            async () => await store.PeekAsync(_key, TimeSpan.Zero, Token),
            async () => await store.ResolveAsync(_key, 1, true, null, _options.Ttl, Token),
        })
            Assert.DoesNotContain("alice", (await Assert.ThrowsAsync<IdempotencyStoreException>(call)).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fence_grows_even_when_the_servers_clock_went_back()
    {
        var future = DateTimeOffset.UtcNow.AddYears(1).ToUnixTimeMilliseconds() * 1000;
        await redis.Connection.GetDatabase().StringSetAsync(
            Name, $"1R{future:D16}{Guid.NewGuid():N}{RequestFingerprint.None}{3_570_000:D12}", TimeSpan.FromHours(1));

        Assert.Equal(future + 1, (await RunAsync()).Fence);
    }

    [Fact]
    public async Task An_out_of_tolerance_claim_whose_record_vanishes_between_its_two_commands_runs_nothing()
    {
        var fresh = await TimedAsync(TimeSpan.Zero);
        await _store.ReleaseAsync((await _store.ClaimAsync(Claim(fresh), Token)).Claim!, outcomeUnknown: false, Token);
        await _store.ClaimAsync(Claim(fresh), Token); // loads the script
        var late = new IdempotencyRecordKey(fresh.Value, fresh.Time - TimeSpan.FromMinutes(6));
        _proxy.Hold(FaultDirection.ToServer, afterChunks: 1);
        var claiming = _store.ClaimAsync(Claim(late), Token).AsTask();
        await Until.True(() => _proxy.Stopped(FaultDirection.ToServer) > 0, cancellationToken: Token);
        await redis.Connection.GetDatabase().KeyDeleteAsync(_options.KeyPrefix + fresh.Value);
        _proxy.Pass();

        Assert.Equal(ClaimStatus.OutOfTolerance, (await claiming).Status);
        Assert.False(await redis.Connection.GetDatabase().KeyExistsAsync(_options.KeyPrefix + fresh.Value));
    }

    [Fact]
    public async Task The_servers_time_is_read_once_and_again_when_the_wall_clock_jumps_or_a_minute_has_passed()
    {
        var clock = new ServerClock(_clock);
        var database = _connection.GetDatabase();
        await clock.NowAsync(database);

        async Task<int> Reads()
        {
            var before = _proxy.RequestBursts;
            var now = await clock.NowAsync(database);
            Assert.InRange(now, DateTimeOffset.UtcNow.AddSeconds(-61), DateTimeOffset.UtcNow.AddSeconds(61));
            return _proxy.RequestBursts - before;
        }

        Assert.Equal(0, await Reads());
        _clock.Shift = TimeSpan.FromHours(1);
        Assert.Equal(1, await Reads());
        Assert.Equal(0, await Reads());
        _clock.Shift = TimeSpan.Zero;
        Assert.Equal(1, await Reads());
        _clock.Passed = TimeSpan.FromSeconds(59);
        Assert.Equal(0, await Reads());
        _clock.Passed = TimeSpan.FromSeconds(61);
        Assert.Equal(1, await Reads());
        clock.Forget();
        Assert.Equal(1, await Reads());
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("2P")]
    public async Task A_record_that_cannot_be_read_is_an_error_and_never_a_run(string start)
    {
        await redis.Connection.GetDatabase().StringSetAsync(Name, start.PadRight(200, 'x'));

        Assert.Equal(IdempotentStatus.Corrupt, (await RunAsync()).Status);
        Assert.Equal(SealStatus.Corrupt, (await _executor.SealAsync(_key, null, Token)).Status);
        Assert.Equal(0, _runs);
    }

    [Fact]
    public async Task A_flipped_bit_in_a_stored_result_is_an_error_and_never_a_run()
    {
        await RunAsync();
        var record = (byte[])(await redis.Connection.GetDatabase().StringGetAsync(Name))!;
        Assert.EndsWith("ok", Encoding.ASCII.GetString(record), StringComparison.Ordinal);
        record[^1] ^= 1;
        await redis.Connection.GetDatabase().StringSetAsync(Name, record, TimeSpan.FromHours(1));

        Assert.Equal(IdempotentStatus.Corrupt, (await RunAsync()).Status);
        Assert.Equal(1, _runs);
    }
}
