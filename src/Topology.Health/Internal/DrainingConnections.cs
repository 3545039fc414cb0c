using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Topology.Health.Internal;

/// <summary>
/// Closes HTTP/1.1 connections with the next response while draining. A client that keeps one open would go on using it, whatever the
/// probe says, and lose the request it sends as the server stops. Later versions say so themselves (GOAWAY).
/// </summary>
internal sealed class DrainingConnections(HealthBoard board) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(pipeline => context =>
        {
            if (board.IsDraining && HttpProtocol.IsHttp11(context.Request.Protocol))
                context.Response.Headers.Connection = "close";
            return pipeline(context);
        });
        next(app);
    };
}
