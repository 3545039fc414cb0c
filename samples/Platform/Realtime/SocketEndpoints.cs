using System.Globalization;

namespace Platform.Realtime;

/// <summary>Takes WebSocket connections, as many as a pod may hold.</summary>
internal static class SocketEndpoints
{
    public static void MapSockets(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<RealtimeOptions>();

        // A ping that is not answered ends the connection: a client that went away without a word does not hold a place for ever.
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = options.Heartbeat, KeepAliveTimeout = options.HeartbeatTimeout });
        app.Map("/ws", AcceptAsync);
    }

    private static async Task AcceptAsync(HttpContext context, Connections connections, RealtimeOptions options, StateFeed feed)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            return;
        }

        // Said before the upgrade, where proxies and clients understand it.
        if (connections.IsDraining || !feed.IsReading || !connections.TryOpen())
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = Math.Ceiling(options.ReconnectHint.TotalSeconds).ToString(CultureInfo.InvariantCulture);
            return;
        }

        try
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await connections.RunAsync(socket, [.. context.Request.Query["topic"].OfType<string>()], context.RequestAborted);
        }
        finally
        {
            connections.Closed();
        }
    }
}
