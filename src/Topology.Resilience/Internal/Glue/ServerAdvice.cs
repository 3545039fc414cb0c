using System.Collections.Concurrent;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using StackExchange.Redis;
using Topology.Idempotency;

namespace Topology.Resilience.Internal;

/// <summary>Says in one line why a server cannot be used and what to do about it, and says no more until that changes. Thread safe.</summary>
internal sealed class ServerAdvice
{
    private readonly ConcurrentDictionary<string, string> _told = new(StringComparer.Ordinal);
    private readonly ILogger<ServerAdvice> _logger;
    private readonly TimeProvider _time;
    private volatile Refusal? _refusal;

    public ServerAdvice(TimeProvider time, ILogger<ServerAdvice> logger, INatsConnection? nats = null)
    {
        _time = time;
        _logger = logger;
        if (nats is not null)
        {
            // A request that the server does not allow gets no answer, only this.
            nats.ServerError += (_, refused) => Refused(refused.Error);
            nats.ConnectionOpened += (_, _) => Refused(null); // that was another connection
        }

        ValueTask Refused(string? error)
        {
            _refusal = error is null ? null : new(error, time.GetTimestamp());
            return default;
        }
    }

    public void Tell(string check, HealthCheckResult result)
    {
        var trouble = result.Status == HealthStatus.Healthy ? "" : TroubleOf(check, result);
        var before = _told.GetValueOrDefault(check, "");
        if (trouble == before || !_told.TryUpdate(check, trouble, before) && !_told.TryAdd(check, trouble))
        {
            return;
        }

        if (trouble.Length > 0)
        {
            Log.ServerUnusable(_logger, check, trouble);
        }
        else
        {
            Log.ServerUsable(_logger, check);
        }
    }

    private string TroubleOf(string check, HealthCheckResult result) => result.Description switch
    {
        "redis_too_old" => $"Redis {result.Data["version"]} is too old: 7.0 or later is needed. Upgrade it",
        "redis_replica" => "it is a replica, which takes no writes. Let ConnectionStrings:redis name the primary",
        "redis_evicts" => $"its maxmemory-policy is {result.Data["maxmemory_policy"]}, and a key that is evicted lets its work run twice. Set it to noeviction",
        _ when check == RedisIdempotencyHealthCheck.Name => RedisTrouble(Text(result.Exception)),
        var code => NatsTrouble(code, $"{Sentence(LatelyRefused())} {Text(result.Exception)}".Trim()),
    };

    private static string RedisTrouble(string failure) => failure switch
    {
        _ when Has(failure, "NOAUTH") || Has(failure, "WRONGPASS") || Has(failure, "AuthenticationFailure") =>
            "Redis refuses the credentials, or asks for some. Set user= and password= in ConnectionStrings:redis",
        _ when Has(failure, "NOPERM") => "the Redis user may not do what keys need. Allow it +@read +@write +@scripting +@connection +info, and the keys",
        _ => "Redis does not answer. Look whether it runs and is what ConnectionStrings:redis names; this process goes on when it does",
    };

    private static string NatsTrouble(string? code, string failure) => failure switch
    {
        _ when Has(failure, "too old") => $"{failure} Upgrade it",
        _ when Has(failure, "NATS.NKeys") => "credentials for NATS need the assembly NATS.NKeys, which this build has left out. Take its prune out of the project, and a feed that has it",
        _ when Has(failure, "Authorization Violation") || Has(failure, "Authentication") =>
            "NATS refuses the credentials, or asks for some. Set them in ConnectionStrings:nats, as in nats://user:password@host:4222",
        _ when Has(failure, "Permissions Violation") => $"NATS does not allow what is needed. {failure} Give the user that permission, or have the streams made by one who has it",
        _ when code == "store_nearly_full" => "the streams of sagas, or the storage they are in, are nearly full, and none is started until there is room. Raise their max_bytes, or the storage's limit",
        _ when code is "queue_broken" or "store_broken" => $"{failure} Mend it with the server's own tools; nats.provision: create makes here what is missing, and nothing changes what exists",
        _ => "NATS does not answer. Look whether it runs and is what ConnectionStrings:nats names; this process goes on when it does",
    };

    /// <summary>What was refused while the check ran: it asks again and again, and is refused again.</summary>
    private string? LatelyRefused() => _refusal is { } refusal && _time.GetElapsedTime(refusal.At) < TimeSpan.FromSeconds(30) ? refusal.Error : null;

    private static bool Has(string text, string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);

    private static string Text(Exception? failure)
    {
        var texts = new List<string>();
        for (var next = failure; next is not null; next = next.InnerException)
        {
            texts.Add(next is RedisConnectionException connection ? $"{connection.FailureType}: {connection.Message}" : next.Message);
        }

        return string.Join(' ', texts.Select(Sentence));
    }

    private static string Sentence(string? text) => string.IsNullOrEmpty(text) ? "" : text.TrimEnd('.') + ".";

    private sealed record Refusal(string Error, long At);
}
