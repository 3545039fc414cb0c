using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Dlq.Internal;

/// <summary>Looks whether streams and consumers are there and as they must be, and makes what is missing where it may. Keeps nothing in mind.</summary>
internal sealed class JetStreamProvisioner(
    NatsJSContext context, DeadLetterQueues queues, JetStreamDeadLetterOptions options, ILogger logger)
{
    private const int StreamNotFound = 10059;
    private const int ConsumerNotFound = 10014;
    private const string AdvisoryStream = "TOPOLOGY_DLQ_ADVISORIES";

    public NatsJSContext Context => context;

    public JetStreamShapes Shapes { get; } = new(queues, options);

    private Version ServerVersion =>
        Version.TryParse(context.Connection.ServerInfo?.Version.Split('-')[0], out var version) ? version : new Version(0, 0);

    public static string? Broken(List<DeadLetterDrift> drift)
    {
        var broken = drift.Where(field => field.Breaks)
            .Select(field => field.Field == "exists" ? $"{field.Thing} is missing" : $"{field.Thing}: {field.Field} is {field.Actual}; it must be {field.Wanted}").ToList();
        return broken.Count > 0 ? string.Join(". ", broken) : null;
    }

    public async ValueTask StreamsAsync(string queue, DeadLetterProvisioning mode, List<DeadLetterDrift> drift, CancellationToken cancellationToken)
    {
        await RequireServerAsync(queue, cancellationToken).ConfigureAwait(false);
        foreach (var wanted in new[] { Shapes.Letters(queue), Shapes.Marks(queue) })
        {
            var thing = $"stream {wanted.Name}";
            StreamConfig actual;
            try
            {
                actual = (await context.GetStreamAsync(wanted.Name!, cancellationToken: cancellationToken).ConfigureAwait(false)).Info.Config;
            }
            catch (NatsJSApiException missing) when (missing.Error.ErrCode == StreamNotFound)
            {
                if (mode != DeadLetterProvisioning.Create)
                {
                    drift.Add(new(queue, thing, "exists", "true", "false", Breaks: true, NotSupported: false));
                    continue;
                }

                actual = (await context.CreateStreamAsync(wanted, cancellationToken).ConfigureAwait(false)).Info.Config;
                Log.Created(logger, queue, thing);
            }

            JetStreamShapes.Compare(queue, wanted, actual, ServerVersion, drift);
        }
    }

    /// <summary>Best effort: no queue waits for advisories of other people's consumers.</summary>
    public async ValueTask AdvisoriesAsync(string queue, DeadLetterProvisioning mode, List<DeadLetterDrift> drift, CancellationToken cancellationToken)
    {
        if (!options.CaptureAdvisories || await FindAdvisoriesAsync(cancellationToken).ConfigureAwait(false) is not null)
            return;
        var thing = $"stream {AdvisoryStream}";
        if (mode != DeadLetterProvisioning.Create)
        {
            drift.Add(new(queue, thing, "exists", "true", "false", Breaks: false, NotSupported: false));
            return;
        }

        try
        {
            await context.CreateStreamAsync(
                new StreamConfig(AdvisoryStream, [.. StrandedMessages.AdvisorySubjects])
                {
                    Description = "Messages that consumers gave up on",
                    Discard = StreamConfigDiscard.Old,
                    MaxAge = TimeSpan.FromDays(30),
                    MaxBytes = 16 << 20,
                    NumReplicas = options.Replicas,
                },
                cancellationToken).ConfigureAwait(false);
            Log.Created(logger, queue, thing);
        }
        catch (NatsJSApiException refused)
        {
            drift.Add(new(queue, thing, "exists", "true", refused.Error.Description ?? "refused", Breaks: false, NotSupported: false));
        }
    }

    public async ValueTask ConsumerAsync(
        string queue, string stream, ConsumerConfig wanted, DeadLetterProvisioning mode, List<DeadLetterDrift> drift, CancellationToken cancellationToken)
    {
        var thing = $"consumer {stream}/{wanted.Name}";
        ConsumerConfig actual;
        try
        {
            actual = (await context.GetConsumerAsync(stream, wanted.Name!, cancellationToken).ConfigureAwait(false)).Info.Config;
        }
        catch (NatsJSApiException missing) when (missing.Error.ErrCode is ConsumerNotFound or StreamNotFound)
        {
            if (mode != DeadLetterProvisioning.Create)
            {
                drift.Add(new(queue, thing, "exists", "true", "false", Breaks: true, NotSupported: false));
                return;
            }

            actual = (await context.CreateConsumerAsync(stream, wanted, cancellationToken).ConfigureAwait(false)).Info.Config;
            Log.Created(logger, queue, thing);
        }

        JetStreamShapes.Compare(queue, thing, wanted, actual, drift);
    }

    /// <summary>The stream of messages that were set aside. It is made when the first one is: few consumers ever need it.</summary>
    /// <returns>Whether it is there; not when streams are made by somebody else who made none.</returns>
    public async ValueTask<bool> DelayedAsync(string queue, DeadLetterProvisioning mode, CancellationToken cancellationToken)
    {
        var name = JetStreamShapes.DelayedStream(queue);
        try
        {
            await context.GetStreamAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (NatsJSApiException missing) when (missing.Error.ErrCode == StreamNotFound)
        {
            if (mode != DeadLetterProvisioning.Create)
                return false;
            await context.CreateStreamAsync(
                Shapes.Stream(queue, name, queues[queue]) with
                {
                    Subjects = [$"{name}.>"],
                    Retention = StreamConfigRetention.Workqueue,
                    MaxAge = Shapes.MarkMaxAge(queue),
                    MaxBytes = queues[queue].MaxBytes,
                    Description = $"Delayed messages for {queue}",
                },
                cancellationToken).ConfigureAwait(false);
            Log.Created(logger, queue, $"stream {name}");
        }

        return true;
    }

    /// <summary>Returns the stream of captured advisories, or null when there is none.</summary>
    public async ValueTask<INatsJSStream?> FindAdvisoriesAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await context.GetStreamAsync(AdvisoryStream, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (NatsJSApiException missing) when (missing.Error.ErrCode == StreamNotFound)
        {
            return null;
        }
    }

    private async ValueTask RequireServerAsync(string queue, CancellationToken cancellationToken)
    {
        await context.Connection.ConnectAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
        if (ServerVersion < new Version(2, 9))
            throw new DeadLetterException($"NATS server {context.Connection.ServerInfo?.Version} is too old for dead-letter queues; it must be 2.9 or later.") { Queue = queue };
    }
}
