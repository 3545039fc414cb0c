using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;
using Topology.Benchmarks.Frame;
using Topology.Idempotency;
using Topology.TestKit;

namespace Topology.Benchmarks.Idempotency;

/// <summary>The executor on a real Redis against the floor (raw commands) and against the commands of a locked cache; 512 B results.</summary>
internal sealed class IdempotencyArea : IBenchArea
{
    private const int Parallel = 64;
    private const int AllocationOverRaw = 600;
    private const int MiddlewareMicroseconds = 15;
    private const int MiddlewareBytes = 3 * 1024;

    private static readonly byte[] Result = new byte[512];
    private static readonly TimeSpan Ttl = TimeSpan.FromHours(1);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    public string Name => "idempotency";

    public BenchReport Run(bool quick) => RunAsync(quick).GetAwaiter().GetResult();

    private static async Task<BenchReport> RunAsync(bool quick)
    {
        var rounds = quick ? 3 : 9;
        var calls = quick ? 200 : 2_000;
        // A server that writes its log anew meanwhile takes the time from whoever is measured then.
        await using var server = await RedisServer.StartAsync(["--auto-aof-rewrite-percentage", "0"]);
        await using var connection = await server.ConnectAsync();
        await using var services = new ServiceCollection()
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
            .AddSingleton<IConnectionMultiplexer>(connection)
            .AddTopologyIdempotency()
            .AddRedisIdempotencyStore()
            .BuildServiceProvider();
        var executor = services.GetRequiredService<IIdempotentExecutor>();
        var database = connection.GetDatabase();
        var rival = new LockedCacheProfile(database);
        var floor = new LuaFloor(database);
        await floor.LoadAsync();
        var stored = new StoredResult { Body = Result };
        Func<IdempotencyContext, CancellationToken, ValueTask<StoredResult>> work = (_, _) => new ValueTask<StoredResult>(stored);
        var record = new byte[126 + Result.Length];
        var next = 0;

        string NewKey() => string.Create(CultureInfo.InvariantCulture, $"bench:{Interlocked.Increment(ref next)}");
        static async Task Sequential(int count, Func<Task> call)
        {
            for (var i = 0; i < count; i++)
                await call();
        }

        static Task InParallel(int count, Func<Task> call) =>
            Task.WhenAll(Enumerable.Range(0, Parallel).Select(_ => Task.Run(() => Sequential(count / Parallel, call))));

        async Task FirstAsync()
        {
            var outcome = await executor.ExecuteAsync(
                IdempotencyRecordKey.Internal("t", "u", "o", NewKey()), RequestFingerprint.None, work);
            if (outcome.Status != IdempotentStatus.Executed || !outcome.IsSettled)
                throw new InvalidOperationException("A first call did not run.");
        }

        async Task RawFirstAsync()
        {
            RedisKey key = NewKey();
            if (!await database.StringSetAsync(key, "claim", Lease, When.NotExists))
                throw new InvalidOperationException("A key was there.");
            await database.StringSetAsync(key, Result, Ttl);
        }

        var done = IdempotencyRecordKey.Internal("t", "u", "o", "done");
        RedisKey rawDone = "bench:done";

        async Task ReplayAsync()
        {
            var outcome = await executor.ExecuteAsync(done, RequestFingerprint.None, static (_, _) => throw new InvalidOperationException("It ran twice."));
            if (outcome.Status != IdempotentStatus.Replayed)
                throw new InvalidOperationException("A replay did not replay.");
        }

        Task FloorAsync() => floor.FirstCallAsync("floor:" + NewKey(), record);
        async Task RawGetAsync() => _ = (byte[]?)await database.StringGetAsync(rawDone);

        // Each pair starts on an empty server: one that is full of what earlier pairs left is slower, and a floor measured on it too high.
        async Task<PairedFigures> CompareAsync(int count, Func<int, Func<Task>, Task> load, Func<Task> ours, Func<Task> other)
        {
            await connection.GetServers()[0].FlushAllDatabasesAsync();
            await executor.ExecuteAsync(done, RequestFingerprint.None, work);
            await database.StringSetAsync(rawDone, Result, Ttl);
            await rival.FirstCallAsync("profile:done", Result);
            return await PairedLoad.RunAsync(rounds, count, () => load(count, ours), () => load(count, other), warmUps: 3);
        }

        var first = await CompareAsync(calls, Sequential, FirstAsync, RawFirstAsync);
        var firstFloor = await CompareAsync(calls, Sequential, FloorAsync, RawFirstAsync);
        var replay = await CompareAsync(calls, Sequential, ReplayAsync, RawGetAsync);
        var parallelCalls = calls * 4 / Parallel * Parallel;
        var parallel = await CompareAsync(parallelCalls, InParallel, FirstAsync, RawFirstAsync);
        var parallelFloor = await CompareAsync(parallelCalls, InParallel, FloorAsync, RawFirstAsync);
        var firstLocked = await CompareAsync(calls, Sequential, FirstAsync, () => rival.FirstCallAsync("profile:" + NewKey(), Result));
        var replayLocked = await CompareAsync(calls, Sequential, ReplayAsync, () => rival.ReplayAsync("profile:done"));
        var middleware = await MiddlewareBenchmark.RunAsync(rounds, quick ? 1_000 : 20_000);

        var overRaw = first.OursBytes - first.RivalBytes;
        var middlewareMicroseconds = middleware.OursMicroseconds - middleware.RivalMicroseconds;
        var middlewareBytes = middleware.OursBytes - middleware.RivalBytes;
        BenchCase[] cases =
        [
            new("idempotency.first_call_vs_raw", first.Ratio, 1.40),
            new("idempotency.first_call_bytes_over_raw_vs_bound", overRaw / AllocationOverRaw, 1),
            new("idempotency.replay_vs_raw_get", replay.Ratio, 1.25),
            new("idempotency.parallel64_vs_raw", parallel.Ratio, 1.33), // time for the same calls: a throughput of 0.75
            new("idempotency.lua_floor_first_call_vs_raw", firstFloor.Ratio, 1.40), // what no library can be below: LuaFloor
            new("idempotency.lua_floor_parallel64_vs_raw", parallelFloor.Ratio, 1.33),
            new("idempotency.first_call_vs_locked_cache_profile", firstLocked.Ratio, 0.45),
            new("idempotency.replay_vs_locked_cache_profile", replayLocked.Ratio, 0.40),
            new("idempotency.middleware_us_vs_bound", middlewareMicroseconds / MiddlewareMicroseconds, 1),
            new("idempotency.middleware_bytes_vs_bound", middlewareBytes / MiddlewareBytes, 1),
        ];

        var table = new StringBuilder(
            "Medians per call. Redis on this machine, one connection, results of 512 B. `lua_floor` drives the least that claims with replay and completes with\n"
            + "a compared owner (`SET NX GET`, the shortest script) without a library: where it is short of a goal, so is everybody who compares.\n\n| Case | Ours µs | Rival µs | Ours B | Rival B |\n|---|---|---|---|---|\n");
        foreach (var (name, figures) in new (string, PairedFigures)[]
        {
            ("first call / SET NX, SET", first), ("replay / GET", replay), ("first call, 64 at a time / SET NX, SET", parallel),
            ("shortest script / SET NX, SET", firstFloor), ("shortest script, 64 at a time / SET NX, SET", parallelFloor),
            ("first call / commands of a locked cache", firstLocked), ("replay / commands of a locked cache", replayLocked), ("middleware in memory / bare endpoint", middleware),
        })
            table.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {figures.OursMicroseconds:0.0} | {figures.RivalMicroseconds:0.0} | {figures.OursBytes:0} | {figures.RivalBytes:0} |");
        return new BenchReport(cases, table.ToString());
    }
}
