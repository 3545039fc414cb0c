using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;
using Topology.Dlq;

namespace Platform.ApiGateway;

/// <summary>Hands work to the other services. What it has returned from is stored.</summary>
internal sealed class WorkPublisher(INatsConnection connection, RunStateStore states)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private readonly NatsJSContext _stream = new(connection);

    public async Task PublishAsync(RunRequested run, CancellationToken cancellationToken)
    {
        using var limit = Limited(cancellationToken);
        await PublishAsync(PlatformNames.RunRequested, run.RunId, run.Tenant, run, PlatformJson.Default.RunRequested, limit.Token);

        // Whoever asks finds the run from here on. Only over nothing: what orchestrator says comes later.
        var state = new RunState(run.RunId, RunState.Requested, IsFinal: false, Redrive: 0, Version: 0, Completed: [], Compensated: []);
        await states.PublishAsync(state, limit.Token);
    }

    public async Task PublishAsync(DocumentRequested document, CancellationToken cancellationToken)
    {
        using var limit = Limited(cancellationToken);
        await PublishAsync(PlatformNames.IngestRequested, document.DocumentId, document.Tenant, document, PlatformJson.Default.DocumentRequested, limit.Token);
    }

    // The client waits for a server that is away; a caller does not.
    private static CancellationTokenSource Limited(CancellationToken cancellationToken)
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        return limit;
    }

    private async Task PublishAsync<T>(string subject, string id, string tenant, T work, JsonTypeInfo<T> json, CancellationToken cancellationToken)
    {
        var headers = new NatsHeaders { ["tenant"] = tenant, ["workflow-id"] = id, ["Content-Type"] = "application/json" }.WithTraceContext();
        var ack = await _stream.PublishAsync(
            subject, JsonSerializer.SerializeToUtf8Bytes(work, json), NatsRawSerializer<byte[]>.Default, new NatsJSPubOpts { MsgId = id }, headers, cancellationToken);
        if (ack.Error is { } error)
        {
            throw new NatsJSApiException(error); // a duplicate is none: the work is there
        }
    }
}
