using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Topology.Idempotency.AspNetCore.Tests;

/// <summary>The code of the package's README.</summary>
internal static class ReadmeExamples
{
    public static void Use(string[] args)
    {
        #region use
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddTopologyIdempotencyHttp().AddInMemoryIdempotencyStore();

        var app = builder.Build();
        app.UseTopologyIdempotency(); // after routing and authentication

        app.MapPost("/runs", (StartRun run) => Results.Created($"/runs/{run.Name}", run)).RequireIdempotency();
        app.Run();
        #endregion
    }

    public static void Settings(WebApplication app)
    {
        #region settings
        var payments = app.MapGroup("/payments").RequireIdempotency(endpoint => endpoint with { RequireTimedKeys = true });

        payments.MapPost("/", Pay).WithIdempotency(endpoint => endpoint with
        {
            Policy = endpoint.Policy with
            {
                OnAbandoned = AbandonedClaim.Quarantine,
                WaitForResult = TimeSpan.FromSeconds(10),
            },
        });
        #endregion
    }

    public static void Redis(IServiceCollection services)
    {
        #region redis
        services.AddSingleton<IConnectionMultiplexer>(_ => ConnectionMultiplexer.Connect("redis:6379,abortConnect=false"));
        services.AddRedisIdempotencyStore();
        services.AddHealthChecks().Add(RedisIdempotencyHealthCheck.Register());
        #endregion
    }

    private static IResult Pay() => Results.Ok();

    private sealed record StartRun(string Name);
}
