using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Topology.Health.Internal;

internal static partial class Log
{
    [LoggerMessage(1400, LogLevel.Warning, "Health check {Check} failed with {Code}; further failures of this kind are not logged until it changes")]
    public static partial void CheckFailed(ILogger logger, string check, string code, Exception exception);

    [LoggerMessage(1401, LogLevel.Warning, "Health check {Check} did not return within {Timeout}; it is not started again before it returns")]
    public static partial void CheckTimedOut(ILogger logger, string check, TimeSpan timeout);

    [LoggerMessage(1402, LogLevel.Warning, "Health check {Check} got worse and is now {Status} ({Code})")]
    public static partial void Worse(ILogger logger, string check, HealthStatus status, string code);

    [LoggerMessage(1407, LogLevel.Information, "Health check {Check} got better and is now {Status} ({Code})")]
    public static partial void Better(ILogger logger, string check, HealthStatus status, string code);

    [LoggerMessage(1403, LogLevel.Error, "Loop {Loop} has been silent for {Silence}; it said it would beat within {LongestSilence}")]
    public static partial void LoopSilent(ILogger logger, string loop, TimeSpan silence, TimeSpan longestSilence);

    [LoggerMessage(1404, LogLevel.Information, "Startup is complete; the startup probe stays healthy from here on")]
    public static partial void StartupLatched(ILogger logger);

    [LoggerMessage(1405, LogLevel.Information, "Draining: the ready probe answers 503, requests are still served")]
    public static partial void Draining(ILogger logger);

    [LoggerMessage(1406, LogLevel.Warning, "Health check {Check} has none of the tags live, ready, startup, info and is not sampled")]
    public static partial void NotSampled(ILogger logger, string check);

    [LoggerMessage(1408, LogLevel.Warning, "The server listens on {Addresses} and not on the management port {Port}; the state of each check is shown nowhere")]
    public static partial void ManagementPortUnheard(ILogger logger, string addresses, int port);
}
