using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Topology.Benchmarks.Health;

/// <summary>An app on a loopback port whose ready probe covers four checks, sampled or stock.</summary>
internal sealed class HealthBenchApp : IAsyncDisposable
{
    private const string Path = "/health/ready";
    private static readonly string[] Ready = ["ready"];
    private readonly WebApplication _app;
    private readonly CountingCheck _check;
    private readonly RequestDelegate _endpoint;
    private readonly DefaultHttpContext _context;
    private readonly HttpClient _client;

    private HealthBenchApp(WebApplication app, CountingCheck check)
    {
        _app = app;
        _check = check;
        _endpoint = ((IEndpointRouteBuilder)app).DataSources.SelectMany(static source => source.Endpoints).OfType<RouteEndpoint>()
            .Single(static endpoint => endpoint.RoutePattern.RawText == Path).RequestDelegate!;
        _context = new DefaultHttpContext { RequestServices = app.Services };
        _context.Request.Method = HttpMethods.Get;
        _context.Response.Body = Stream.Null;
        _client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    /// <summary>Gets how often a check was called, the one that hangs not counted.</summary>
    public int Calls => _check.Calls;

    public static async Task<HealthBenchApp> StartAsync(bool sampled, bool hung = false, bool slow = false)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var check = new CountingCheck(slow);
        var checks = builder.Services.AddHealthChecks();
        for (var i = 0; i < 4; i++)
            checks.AddCheck($"dependency-{i}", check, HealthStatus.Unhealthy, Ready);
        if (hung)
            checks.AddCheck("hung", new HungCheck(), HealthStatus.Degraded, Ready);
        if (sampled)
        {
            builder.Services.AddTopologyHealth(static options =>
            {
                // One sample at start and none while measuring, so that every call counted is a probe's.
                options.Period = TimeSpan.FromHours(1);
                options.Timeout = TimeSpan.FromMilliseconds(200);
                options.DrainDelay = TimeSpan.Zero;
            });
        }

        var app = builder.Build();
        if (sampled)
            app.MapTopologyHealth();
        else
            app.MapHealthChecks(Path, new() { Predicate = static registration => registration.Tags.Contains("ready") });
        await app.StartAsync();
        return new HealthBenchApp(app, check);
    }

    /// <summary>The endpoint alone: no sockets, no routing.</summary>
    public Task InvokeAsync()
    {
        _context.Response.Headers.Clear();
        return _endpoint(_context);
    }

    /// <summary>One request over loopback.</summary>
    public async Task<HttpStatusCode> AskAsync()
    {
        using var response = await _client.GetAsync(Path);
        return response.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.DisposeAsync();
    }

    private sealed class CountingCheck(bool slow) : IHealthCheck
    {
        private int _calls;

        public int Calls => Volatile.Read(ref _calls);

        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _calls);
            return slow ? WaitAsync(cancellationToken) : Task.FromResult(HealthCheckResult.Healthy());
        }

        private static async Task<HealthCheckResult> WaitAsync(CancellationToken cancellationToken)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), cancellationToken);
            return HealthCheckResult.Healthy();
        }
    }

    private sealed class HungCheck : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            new TaskCompletionSource<HealthCheckResult>().Task;
    }
}
