using System.Diagnostics;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Topology.Benchmarks.Frame;
using Topology.Idempotency;
using Topology.Idempotency.AspNetCore;

namespace Topology.Benchmarks.Idempotency;

/// <summary>What the middleware with the in-memory store costs over the bare endpoint: 512 B in, 512 B out, a new key each time.</summary>
internal static class MiddlewareBenchmark
{
    private static readonly byte[] Body = new byte[512];
    private static readonly ClaimsPrincipal User = new(new ClaimsIdentity([new Claim("sub", "alice")], "benchmark"));

    public static async Task<PairedFigures> RunAsync(int rounds, int calls)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddTopologyIdempotencyHttp().AddInMemoryIdempotencyStore(o => o.MaxBytes = 1L << 40);
        await using var provider = services.BuildServiceProvider();
        var endpoint = new Endpoint(
            async context =>
            {
                await context.Request.Body.CopyToAsync(Stream.Null);
                await context.Response.Body.WriteAsync(Body);
            },
            new EndpointMetadataCollection(new IdempotentAttribute()),
            "bench");
        var app = new ApplicationBuilder(provider);
        app.UseTopologyIdempotency();
        app.Run(endpoint.RequestDelegate!);
        var withKeys = app.Build();
        var bare = endpoint.RequestDelegate!;

        async Task Batch(RequestDelegate pipeline)
        {
            for (var i = 0; i < calls; i++)
            {
                var context = new DefaultHttpContext { RequestServices = provider, User = User };
                context.SetEndpoint(endpoint);
                context.Request.Method = "POST";
                context.Request.Path = "/bench";
                context.Request.ContentLength = Body.Length;
                context.Request.Body = new MemoryStream(Body, writable: false);
                context.Request.Headers["Idempotency-Key"] = Guid.NewGuid().ToString();
                await pipeline(context);
                Debug.Assert(context.Response.StatusCode == 200);
            }
        }

        return await PairedLoad.RunAsync(rounds, calls, () => Batch(withKeys), () => Batch(bare));
    }
}
