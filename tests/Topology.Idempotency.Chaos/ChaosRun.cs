using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;
using Topology.TestKit;

namespace Topology.Idempotency.Chaos;

/// <summary>What is done to the store by several processes on a real Redis, and what must come of it.</summary>
public sealed class ChaosRun(int port)
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Topology.Idempotency.Chaos.dll");

    /// <summary>Processes race for keys: one result each, and no execution beyond the first but after a lease has run out.</summary>
    public async Task<ChaosResult> RaceAsync(RaceSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var prefix = RedisFixture.Unique("race") + ":";
        await using var direct = await ConnectAsync();
        await using var proxy = FaultProxy.Start(port);
        using var stop = new CancellationTokenSource();
        var faults = settings.Faults ? FaultAsync(direct, proxy, stop.Token) : Task.CompletedTask;

        var workers = Enumerable.Range(0, settings.Processes).Select(process => RunAsync(
            "race", settings.Faults ? proxy.Port : port, port, prefix, process, settings.Processes, settings.Keys, settings.MinRacers, settings.MaxRacers,
            (int)settings.Lease.TotalMilliseconds)).ToArray();
        var sums = (await Task.WhenAll(workers)).Select(line => line.Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToArray())
            .Aggregate((a, b) => [.. a.Zip(b, (x, y) => x + y)]);
        await stop.CancelAsync();
        await faults;

        var raced = await ReadAsync(port, prefix, settings.Keys);
        var idle = raced.Count(key => key.Runs.Count == 0);
        var contradictory = raced.Count(key => key.IsContradictory);
        var duplicates = raced.Count(key => key.IsDuplicate(settings.Lease));
        var ok = idle == 0 && contradictory == 0 && duplicates == 0 && sums[4] == 0;
        return new ChaosResult(ok, string.Create(
            CultureInfo.InvariantCulture,
            $"{settings.Keys - idle} keys ran, {duplicates} again under a living lease, {contradictory} with two results or none; {raced.Sum(key => key.TakeOvers)} executions after a lapsed lease, {sums[6]} results of stale owners refused; {sums[0]} executed, {sums[5]} of them not settled, {sums[1]} replayed, {sums[2]} told to wait, {sums[3]} store errors, {sums[4]} wrong answers"));
    }

    /// <summary>An owner is killed; exactly one of many takes over, within its lease and a second.</summary>
    public async Task<ChaosResult> KillOwnerAsync(int times, TimeSpan lease)
    {
        var slowest = TimeSpan.Zero;
        var bad = 0;
        for (var i = 0; i < times; i++)
        {
            var prefix = RedisFixture.Unique("kill") + ":";
            using var owner = Start("own", port, prefix, i, (int)lease.TotalMilliseconds);
            var fence = await ClaimedAsync(owner);
            await using var services = Worker.Services(port.ToString(CultureInfo.InvariantCulture), prefix, lease);
            var racers = Race(services, i, fence);
            owner.Kill();
            var clock = Stopwatch.StartNew();
            var taken = Task.WhenAll(racers);
            var stalled = await StalledAsync(services.GetRequiredService<IConnectionMultiplexer>().GetDatabase(), taken);
            var results = await taken;
            var took = clock.Elapsed - stalled;
            slowest = took > slowest ? took : slowest;
            if (results.Sum(r => r.Runs) != 1 || results.Any(r => !r.GreaterFence) || took > lease + TimeSpan.FromSeconds(1))
                bad++;
            await owner.WaitForExitAsync();
        }

        return new ChaosResult(bad == 0, string.Create(CultureInfo.InvariantCulture, $"{bad} bad; slowest take-over {slowest.TotalSeconds:0.00} s, stalls of the machine left out, with a lease of {lease.TotalSeconds} s"));
    }

    /// <summary>An owner is stopped, loses its claim, and goes on: what it writes is refused.</summary>
    public async Task<ChaosResult> StopOwnerAsync(int times, TimeSpan lease)
    {
        var bad = 0;
        for (var i = 0; i < times; i++)
        {
            var prefix = RedisFixture.Unique("stop") + ":";
            using var owner = Start("own", port, prefix, i, (int)lease.TotalMilliseconds);
            var fence = await ClaimedAsync(owner);
            await SignalAsync(owner, "STOP");
            await using var services = Worker.Services(port.ToString(CultureInfo.InvariantCulture), prefix, lease);
            var results = await Task.WhenAll(Race(services, i, fence));
            await SignalAsync(owner, "CONT");
            await owner.StandardInput.WriteLineAsync("go on");
            var end = await owner.StandardOutput.ReadLineAsync();
            await owner.WaitForExitAsync();
            if (results.Sum(r => r.Runs) != 1 || results.Any(r => !r.GreaterFence) || end != "ended LeaseLost")
                bad++;
        }

        return new ChaosResult(bad == 0, $"{bad} bad of {times}");
    }

    /// <summary>After a take-over the owner before writes in every way it can.</summary>
    public async Task<ChaosResult> StaleWritesAsync(int takeOvers)
    {
        var prefix = RedisFixture.Unique("stale") + ":";
        var lease = TimeSpan.FromSeconds(30);
        await using var services = Worker.Services(port.ToString(CultureInfo.InvariantCulture), prefix, lease);
        var store = services.GetRequiredService<IIdempotencyStore>();
        var database = services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();
        int accepted = 0, writes = 0, lost = 0;
        await Parallel.ForAsync(0, takeOvers, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, token) =>
        {
            var key = IdempotencyRecordKey.Internal("t", "u", "stale", i.ToString(CultureInfo.InvariantCulture));
            var request = new ClaimRequest { Key = key, Owner = Guid.NewGuid(), Lease = lease, Ttl = TimeSpan.FromHours(1) };
            var stale = (await store.ClaimAsync(request, token)).Claim!;
            var left = await database.KeyTimeToLiveAsync(prefix + key.Value);
            await database.KeyExpireAsync(prefix + key.Value, left - lease - TimeSpan.FromSeconds(1));
            var owner = (await store.ClaimAsync(request with { Owner = Guid.NewGuid() }, token)).Claim!;
            FinishStatus[] answers =
            [
                await store.RenewAsync(stale, token), await store.CompleteAsync(stale, "stale"u8.ToArray(), token),
                await store.ReleaseAsync(stale, outcomeUnknown: i % 2 == 0, token),
            ];
            Interlocked.Add(ref writes, answers.Length);
            Interlocked.Add(ref accepted, answers.Count(a => a == FinishStatus.Done));
            if (await store.CompleteAsync(owner, "owner"u8.ToArray(), token) != FinishStatus.Done)
                Interlocked.Increment(ref lost);
        });
        return new ChaosResult(accepted == 0 && lost == 0, $"{accepted} of {writes} accepted, {lost} owners lost theirs");
    }

    private static async Task<RacedKey[]> ReadAsync(int port, string prefix, int keys)
    {
        await using var services = Worker.Services(port.ToString(CultureInfo.InvariantCulture), prefix, TimeSpan.FromSeconds(30));
        var executor = services.GetRequiredService<IIdempotentExecutor>();
        var database = services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();
        var raced = new RacedKey[keys];
        await Parallel.ForAsync(0, keys, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, token) =>
        {
            var name = i.ToString(CultureInfo.InvariantCulture);
            var runs = await database.ListRangeAsync($"{prefix}ran:{name}");
            var accepted = await database.ListRangeAsync($"{prefix}accepted:{name}");
            var end = await executor.SealAsync(IdempotencyRecordKey.Internal("t", "u", "race", name), cancellationToken: token); // gives the result when there is one
            raced[i] = RacedKey.Parse(
                runs.Select(run => (string)run!), accepted.Select(fence => (string)fence!), end.Result is { } result ? Encoding.ASCII.GetString(result.Body.Span) : null);
        });
        return raced;
    }

    private static async Task FaultAsync(ConnectionMultiplexer direct, FaultProxy proxy, CancellationToken cancellationToken)
    {
        try
        {
            for (var i = 0; ; i++)
            {
                await Task.Delay(150, cancellationToken);
                await direct.GetServers()[0].ExecuteAsync("SCRIPT", "FLUSH");
                if (i % 2 == 0)
                    proxy.Drop(FaultDirection.ToClient); // answers are lost, then the connection
                await Task.Delay(20, cancellationToken);
                proxy.Pass();
                if (i % 3 == 0)
                    await KillClientsAsync(direct.GetServers()[0]);
                else
                    proxy.Cut();
            }
        }
        catch (OperationCanceledException)
        {
            proxy.Pass();
        }
    }

    private static async Task KillClientsAsync(IServer server)
    {
        foreach (var client in (await server.ClientListAsync()).Where(client => client.Name == Worker.ClientName))
            await server.ExecuteAsync("CLIENT", ["KILL", "ID", client.Id], CommandFlags.FireAndForget); // it may have gone by itself
    }

    // What a busy machine takes from whoever asks in turns, as the racers do: it is no part of the time that a take-over takes.
    private static async Task<TimeSpan> StalledAsync(IDatabase database, Task until)
    {
        var stalled = TimeSpan.Zero;
        while (!until.IsCompleted)
        {
            var clock = Stopwatch.StartNew();
            await Task.WhenAny(until, Task.Delay(20));
            await database.PingAsync();
            stalled += clock.Elapsed > TimeSpan.FromMilliseconds(50) ? clock.Elapsed - TimeSpan.FromMilliseconds(50) : TimeSpan.Zero;
        }

        return stalled;
    }

    private static Task<(int Runs, bool GreaterFence)>[] Race(ServiceProvider services, int key, long fence)
    {
        var executor = services.GetRequiredService<IIdempotentExecutor>();
        return [.. Enumerable.Range(0, 16).Select(async _ =>
        {
            var runs = 0;
            while (true)
            {
                var outcome = await executor.ExecuteAsync(
                    IdempotencyRecordKey.Internal("t", "u", "own", key.ToString(CultureInfo.InvariantCulture)),
                    RequestFingerprint.None,
                    (_, _) =>
                    {
                        runs++;
                        return new(new StoredResult { Body = Encoding.ASCII.GetBytes("taken over") });
                    });
                if (outcome.Status == IdempotentStatus.InProgress)
                {
                    await Task.Delay(20);
                    continue;
                }

                return (runs, outcome.Status == IdempotentStatus.Replayed || outcome.Fence > fence);
            }
        })];
    }

    private static async Task<long> ClaimedAsync(Process owner)
    {
        var line = await owner.StandardOutput.ReadLineAsync() ?? "";
        return line.StartsWith("claimed ", StringComparison.Ordinal)
            ? long.Parse(line.AsSpan(8), CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"The owner said '{line}'.");
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private static async Task<string> RunAsync(params object[] arguments)
    {
        using var process = Start(arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output.Trim() : throw new InvalidOperationException($"A worker ended with {process.ExitCode}: {await errors}");
    }

    private static Process Start(params object[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardInput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Program);
        foreach (var argument in arguments)
            start.ArgumentList.Add(Convert.ToString(argument, CultureInfo.InvariantCulture)!);
        return Process.Start(start)!;
    }

    private Task<ConnectionMultiplexer> ConnectAsync() => ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},allowAdmin=true,asyncTimeout=60000");
}
