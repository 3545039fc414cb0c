using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Topology.Health;
using Topology.Health.Internal;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the probes.</summary>
public static class TopologyHealthEndpointRouteBuilderExtensions
{
    private static readonly string[] GetAndHead = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>Maps the live, ready and startup probes at the paths of <see cref="HealthOptions"/>.</summary>
    /// <param name="endpoints">The app.</param>
    /// <returns>A builder for conventions of all three.</returns>
    /// <remarks>
    /// A probe answers 200 or 503 from cached bytes and calls no check. Fallback authorization and rate limits do not apply to it: a probe
    /// turned away would get the container restarted. The state of each check is shown on <see cref="HealthOptions.ManagementPort"/> only.
    /// </remarks>
    /// <exception cref="InvalidOperationException"><c>AddTopologyHealth</c> was not called.</exception>
    public static IEndpointConventionBuilder MapTopologyHealth(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var board = endpoints.ServiceProvider.GetService<HealthBoard>()
            ?? throw new InvalidOperationException("MapTopologyHealth needs builder.Services.AddTopologyHealth() before the app is built.");
        var options = endpoints.ServiceProvider.GetRequiredService<IOptions<HealthOptions>>().Value;

        var probes = endpoints.MapGroup("");
        Map(options.LivePath, ProbeKind.Live);
        Map(options.ReadyPath, ProbeKind.Ready);
        Map(options.StartupPath, ProbeKind.Startup);
        if (options.ManagementPort is { } port)
        {
            var services = endpoints.ServiceProvider;
            services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.Register(() => WarnIfUnheard(services, port));
        }

        return probes.AllowAnonymous().DisableRateLimiting();

        void Map(string path, ProbeKind probe) => probes.MapMethods(path, GetAndHead, context => AnswerAsync(context, board, probe, options.ManagementPort))
            .WithDisplayName($"Topology health: {probe}");
    }

    private static void WarnIfUnheard(IServiceProvider services, int port)
    {
        var addresses = services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses;
        if (addresses is { Count: > 0 } && addresses.All(address => BindingAddress.Parse(address).Port != port))
            Log.ManagementPortUnheard(services.GetRequiredService<ILogger<HealthBoard>>(), string.Join(", ", addresses), port);
    }

    private static Task AnswerAsync(HttpContext context, HealthBoard board, ProbeKind probe, int? managementPort)
    {
        var answer = board.Read(probe);
        var body = context.Connection.LocalPort == managementPort ? answer.Detail : answer.Brief;
        var response = context.Response;
        response.StatusCode = answer.StatusCode;
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
