using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;

namespace Platform.ApiGateway;

/// <summary>Reads how a run is from the stream that holds each run's latest state.</summary>
internal sealed class RunReader(INatsConnection connection)
{
    private readonly NatsJSContext _context = new(connection);
    private INatsJSStream? _states;

    public async Task<RunState?> FindAsync(string runId, CancellationToken cancellationToken)
    {
        _states ??= await _context.GetStreamAsync(PlatformNames.RunStateStream, cancellationToken: cancellationToken);
        try
        {
            var last = await _states.GetDirectAsync<byte[]>(
                new StreamMsgGetRequest { LastBySubj = PlatformNames.RunStateSubject(runId) }, NatsRawSerializer<byte[]>.Default, cancellationToken);
            return last.Data is { Length: > 0 } json ? JsonSerializer.Deserialize(json, PlatformJson.Default.RunState) : null;
        }
        catch (NatsJSApiException none) when (none.Error.Code == 404)
        {
            return null;
        }
    }
}
