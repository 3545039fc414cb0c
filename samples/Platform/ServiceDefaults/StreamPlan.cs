using NATS.Client.JetStream.Models;
using Topology.Dlq;

namespace Platform.ServiceDefaults;

/// <summary>A stream of the platform, by its logical name.</summary>
public sealed record StreamPlan
{
    private StreamPlan(StreamConfig config) => Config = config;

    /// <summary>Gets the runs that are to be carried out: each message is gone once it is done with.</summary>
    /// <remarks>A full stream refuses: the client hears of it, and no run that was accepted is thrown away.</remarks>
    public static StreamPlan Runs { get; } = Work(PlatformNames.RunRequested);

    /// <summary>Gets the documents that are to be taken apart.</summary>
    public static StreamPlan Documents { get; } = Work(PlatformNames.IngestRequested);

    /// <summary>Gets the latest state of each run.</summary>
    public static StreamPlan RunStates { get; } = new(new StreamConfig(PlatformNames.RunStateStream, [PlatformNames.RunStateSubjects])
    {
        MaxMsgsPerSubject = 1,
        MaxAge = TimeSpan.FromDays(7),
        MaxBytes = 256 << 20, // set aside on the server, whether or not it is used
        Discard = StreamConfigDiscard.Old,
        AllowDirect = true,
        Description = "The latest state of each run",
    });

    /// <summary>Gets what the server is asked for.</summary>
    public StreamConfig Config { get; }

    // Not kept longer than the dead letters of the specification, so that what is known of a message outlives the message.
    private static StreamPlan Work(string logicalName) => new(new StreamConfig(DeadLetterQueueNames.ToPhysical(logicalName), [logicalName])
    {
        Retention = StreamConfigRetention.Workqueue,
        Discard = StreamConfigDiscard.New,
        MaxAge = TimeSpan.FromDays(7),
        MaxBytes = 256 << 20,
        DuplicateWindow = TimeSpan.FromMinutes(2),
        Description = $"Work: {logicalName}",
    });
}
