using System.Text;
using System.Text.Json;
using FsCheck.Xunit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Topology.Health.Internal;

namespace Topology.Health.Tests;

public sealed class LeakTests
{
    private static readonly string[] Keys = ["probe", "status", "checks", "name", "code", "impact", "sampled_at", "duration_ms"];

    private static readonly HashSet<string> Texts =
    [
        "live", "ready", "startup", "healthy", "degraded", "unhealthy", "unknown", "starting", "draining", "stale", "required", "degrades", "info",
        "ok", "not_sampled", "timeout", "threw", "cannot_build", "secret-keeper", "read_only",
    ];

    private static readonly IServiceScopeFactory Scopes = new ServiceCollection().BuildServiceProvider().GetRequiredService<IServiceScopeFactory>();

    public enum Way
    {
        Throws,
        ThrowsAsync,
        FactoryThrows,
        Description,
        Exception,
        Data,
        Cancels,
    }

    [Property(MaxTest = 1_000)]
    public async Task<bool> No_text_that_a_check_makes_reaches_a_body(string? random, Guid mark, Way way, byte status, byte tag)
    {
        var secret = $"{random}Password={mark:N}";
        var tags = new[] { new[] { "live" }, ["ready"], ["startup"], ["info"] }[tag % 4];
        var failure = new InvalidOperationException(secret, new TimeoutException(secret)) { Data = { [secret] = secret }, Source = secret };
        var result = (HealthStatus)(status % 3);
        var data = new Dictionary<string, object> { [secret] = secret, ["code"] = secret, ["status"] = secret };
        var registration = new HealthCheckRegistration(
            "secret-keeper",
            _ => way == Way.FactoryThrows ? throw failure : new TestCheck(async token => way switch
            {
                Way.Throws => throw failure,
                Way.ThrowsAsync => await Task.FromException<HealthCheckResult>(failure),
                Way.Cancels => throw new OperationCanceledException(secret, failure, token),
                Way.Description => new HealthCheckResult(result, secret),
                Way.Exception => new HealthCheckResult(result, secret, failure),
                _ => new HealthCheckResult(result, secret, failure, data),
            }),
            HealthStatus.Unhealthy, [.. tags, "code:read_only"]);
        var checks = new HealthCheckServiceOptions();
        checks.Registrations.Add(registration);
        var board = new HealthBoard(
            Options.Create(new HealthOptions()), Options.Create(checks), TimeProvider.System, new HealthMetrics(null), NullLogger<HealthBoard>.Instance);
        var runner = new CheckRunner(registration, TimeSpan.FromSeconds(10), Scopes, TimeProvider.System, NullLogger.Instance);

        board.HostStarted();
        board.Record(board.Checks[0], await runner.RunAsync(CancellationToken.None));

        return Enum.GetValues<ProbeKind>().All(probe =>
        {
            var answer = board.Read(probe);
            return IsClean(answer.Brief) && IsClean(answer.Detail);
        });

        bool IsClean(ReadOnlyMemory<byte> body) =>
            !Encoding.UTF8.GetString(body.Span).Contains(mark.ToString("N"), StringComparison.Ordinal) && OnlyKnown(JsonDocument.Parse(body).RootElement);
    }

    /// <summary>Stronger than a search: every key and text of the body is one of a fixed set, or a time.</summary>
    private static bool OnlyKnown(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().All(static property =>
            Keys.Contains(property.Name) && (property.Name == "sampled_at" ? property.Value.TryGetDateTimeOffset(out _) : OnlyKnown(property.Value))),
        JsonValueKind.Array => element.EnumerateArray().All(OnlyKnown),
        JsonValueKind.String => Texts.Contains(element.GetString()!),
        _ => element.ValueKind == JsonValueKind.Number,
    };
}
