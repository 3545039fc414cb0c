using System.Globalization;

namespace Platform.Realtime;

/// <summary>What the block <c>websocket</c> of topology.yaml says, and what it leaves open.</summary>
internal sealed record RealtimeOptions
{
    /// <summary>Gets how many connections a pod takes, <c>connection_pool</c>. The autoscaler aims at a tenth of it.</summary>
    public int MaxConnections { get; init; } = 1000;

    /// <summary>Gets how often the server pings, <c>heartbeat_interval</c>; below what any proxy takes for idle.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets how long a ping may go unanswered.</summary>
    public TimeSpan HeartbeatTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Gets the longest time a client should wait before it connects again, <c>reconnect_timeout</c>.</summary>
    public TimeSpan ReconnectHint { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Gets how long one message may take to leave before its client counts as slow.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets how many topics one connection may follow.</summary>
    public int MaxTopics { get; init; } = 256;

    /// <summary>Gets how many final states may wait for one client before it counts as slow: none of them may be dropped.</summary>
    public int MaxTerminals { get; init; } = 512;

    /// <summary>Gets the longest message a client may send, in bytes.</summary>
    public int MaxInbound { get; init; } = 32 * 1024;

    public static RealtimeOptions From(IConfiguration configuration)
    {
        var defaults = new RealtimeOptions();
        var spec = configuration.GetSection("Topology:websocket");
        if (spec["backpressure_handling"] is { } handling and not "drop_intermediate")
        {
            throw new InvalidOperationException($"websocket.backpressure_handling is '{handling}'; this service knows drop_intermediate.");
        }

        var own = configuration.GetSection("Realtime");
        return defaults with
        {
            MaxConnections = spec.GetValue("connection_pool", defaults.MaxConnections),
            Heartbeat = Duration(spec["heartbeat_interval"]) ?? defaults.Heartbeat,
            ReconnectHint = Duration(spec["reconnect_timeout"]) ?? defaults.ReconnectHint,
            HeartbeatTimeout = Duration(own["heartbeat_timeout"]) ?? defaults.HeartbeatTimeout,
            SendTimeout = Duration(own["send_timeout"]) ?? defaults.SendTimeout,
            MaxTopics = own.GetValue("max_topics", defaults.MaxTopics),
            MaxTerminals = own.GetValue("max_terminals", defaults.MaxTerminals),
        };
    }

    private static TimeSpan? Duration(string? text) => text switch
    {
        null => null,
        [.. var number, 'm', 's'] => TimeSpan.FromMilliseconds(double.Parse(number, CultureInfo.InvariantCulture)),
        [.. var number, 's'] => TimeSpan.FromSeconds(double.Parse(number, CultureInfo.InvariantCulture)),
        [.. var number, 'm'] => TimeSpan.FromMinutes(double.Parse(number, CultureInfo.InvariantCulture)),
        _ => throw new InvalidOperationException($"'{text}' is no duration such as 30s."),
    };
}
