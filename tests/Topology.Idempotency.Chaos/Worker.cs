using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Topology.Idempotency.Chaos;

/// <summary>One process of a chaos run.</summary>
internal static class Worker
{
    /// <summary>The name under which Redis knows the connections of the stores.</summary>
    public const string ClientName = "store-under-test";

    private const int Window = 250;

    // race PORT DIRECT_PORT PREFIX PROCESS PROCESSES KEYS MIN MAX LEASE_MS
    public static async Task<int> RaceAsync(string[] args)
    {
        var numbers = args.Select(a => int.TryParse(a, CultureInfo.InvariantCulture, out var n) ? n : 0).ToArray();
        var (process, processes, keys, min, max) = (numbers[4], numbers[5], numbers[6], numbers[7], numbers[8]);
        var prefix = args[3];
        await using var direct = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{args[2]},asyncTimeout=120000"); // the effect is not what is tested
        await using var services = Services(args[1], prefix, TimeSpan.FromMilliseconds(numbers[9]));
        var executor = services.GetRequiredService<IIdempotentExecutor>();
        var database = direct.GetDatabase();
        int executed = 0, replayed = 0, conflicts = 0, errors = 0, wrong = 0, unsettled = 0, refused = 0;
        var results = new ConcurrentDictionary<int, string>();

        for (var from = 0; from < keys; from += Window)
        {
            // All processes enter a window together, so that its keys are really raced for.
            await database.StringIncrementAsync($"{prefix}barrier:{from}");
            while ((int)await database.StringGetAsync($"{prefix}barrier:{from}") < processes)
                await Task.Delay(2);

            var racers = new List<Task>();
            for (var key = from; key < Math.Min(from + Window, keys); key++)
            {
                var count = min + key * 7919 % (max - min + 1);
                for (var racer = 0; racer < count; racer++)
                {
                    if ((key + racer) % processes == process)
                        racers.Add(CallAsync(key));
                }
            }

            await Task.WhenAll(racers);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{executed} {replayed} {conflicts} {errors} {wrong} {unsettled} {refused}"));
        return 0;

        async Task CallAsync(int key)
        {
            var name = key.ToString(CultureInfo.InvariantCulture);

            // Every answer of a key is the same one.
            void See(StoredResult result)
            {
                var text = Encoding.ASCII.GetString(result.Body.Span);
                if (!text.StartsWith(name + " ", StringComparison.Ordinal) || results.GetOrAdd(key, text) != text)
                    Interlocked.Increment(ref wrong);
            }

            while (true)
            {
                try
                {
                    var outcome = await executor.ExecuteAsync(
                        IdempotencyRecordKey.Internal("t", "u", "race", name),
                        RequestFingerprint.None,
                        async (context, _) =>
                        {
                            await database.ListRightPushAsync($"{prefix}ran:{name}", RacedKey.Run(context));
                            return new StoredResult { Body = Encoding.ASCII.GetBytes($"{name} {context.Fence}") };
                        },
                        new IdempotencyPolicy { WaitForResult = TimeSpan.FromMilliseconds(key % 2 * 1000) });
                    switch (outcome.Status)
                    {
                        case IdempotentStatus.Executed:
                            Interlocked.Increment(ref executed);
                            if (!outcome.IsSettled)
                            {
                                Interlocked.Increment(ref unsettled); // whether it was accepted is not known here
                                return;
                            }

                            await database.ListRightPushAsync($"{prefix}accepted:{name}", outcome.Fence);
                            See(outcome.Value!);
                            return;
                        case IdempotentStatus.Replayed:
                            Interlocked.Increment(ref replayed);
                            See(outcome.Value!);
                            return;
                        case IdempotentStatus.LeaseLost: // it was taken over and its result was refused: another one's counts
                            Interlocked.Increment(ref refused);
                            continue;
                        case IdempotentStatus.InProgress:
                            Interlocked.Increment(ref conflicts);
                            await Task.Delay(20);
                            continue;
                        default:
                            Interlocked.Increment(ref wrong);
                            return;
                    }
                }
                catch (IdempotencyStoreException)
                {
                    Interlocked.Increment(ref errors);
                    await Task.Delay(20);
                }
            }
        }
    }

    // own PORT PREFIX KEY LEASE_MS: claims, says so, and ends when a line comes in
    public static async Task<int> OwnAsync(string[] args)
    {
        await using var services = Services(args[1], args[2], TimeSpan.FromMilliseconds(int.Parse(args[4], CultureInfo.InvariantCulture)));
        var outcome = await services.GetRequiredService<IIdempotentExecutor>().ExecuteAsync(
            IdempotencyRecordKey.Internal("t", "u", "own", args[3]),
            RequestFingerprint.None,
            async (context, _) =>
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"claimed {context.Fence}"));
                await Console.In.ReadLineAsync(CancellationToken.None);
                return new StoredResult { Body = "owner"u8.ToArray() };
            });
        Console.WriteLine($"ended {outcome.Status}");
        return 0;
    }

    public static ServiceProvider Services(string port, string prefix, TimeSpan lease)
    {
        var connection = new ConfigurationOptions
        {
            EndPoints = { { "127.0.0.1", int.Parse(port, CultureInfo.InvariantCulture) } },
            ClientName = ClientName,
            AbortOnConnectFail = false,
            AsyncTimeout = 120_000, // a busy machine is not what is tested
            ReconnectRetryPolicy = new LinearRetry(20),
        };
        var services = new ServiceCollection();
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.AddSingleton<IConnectionMultiplexer>(_ => ConnectionMultiplexer.Connect(connection));
        services.AddTopologyIdempotency(options =>
        {
            options.KeyPrefix = prefix;
            options.Lease = lease;
        });
        services.AddRedisIdempotencyStore();
        return services.BuildServiceProvider();
    }
}
