using System.Collections.Concurrent;
using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Platform.ServiceDefaults.Messages;

namespace Platform.ServiceDefaults;

/// <summary>The latest state of each run, on a stream with one message a run. Safe for concurrent use.</summary>
/// <remarks>
/// A state is published by compare-and-set on its subject, and only over an earlier one: an orchestrator that was stopped for an hour and
/// goes on puts nothing old over what others have written since. The sequence of the stream orders the states of a run for clients.
/// </remarks>
/// <param name="connection">The connection to NATS.</param>
public sealed class RunStateStore(INatsConnection connection)
{
    private const int WrongLastSequence = 10071;
    private const int NoMessage = 10037;

    private readonly NatsJSContext _context = new(connection);
    private readonly ConcurrentDictionary<string, Stored> _known = new(StringComparer.Ordinal);
    private INatsJSStream? _stream;

    /// <summary>Returns the latest state of a run, or <see langword="null"/> when it is not known.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<Stored?> FindAsync(string runId, CancellationToken cancellationToken)
    {
        _stream ??= await _context.GetStreamAsync(PlatformNames.RunStateStream, cancellationToken: cancellationToken);
        try
        {
            // Asked of the leader, not of any replica: a publisher must see what it has published.
            var last = (await _stream.GetAsync(new StreamMsgGetRequest { LastBySubj = PlatformNames.RunStateSubject(runId) }, cancellationToken)).Message;
            return new Stored(last.Seq, JsonSerializer.Deserialize(last.Data.Span, PlatformJson.Default.RunState)!);
        }
        catch (NatsJSApiException none) when (none.Error.ErrCode == NoMessage)
        {
            return null;
        }
    }

    /// <summary>Publishes a state unless the run is known to be further.</summary>
    /// <param name="state">The state.</param>
    /// <param name="cancellationToken">Ends the wait; the state may be published all the same.</param>
    /// <returns>Whether it was published.</returns>
    public async ValueTask<bool> PublishAsync(RunState state, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(state);
        var json = JsonSerializer.SerializeToUtf8Bytes(state, PlatformJson.Default.RunState);
        var last = _known.GetValueOrDefault(state.RunId); // what this process saw last saves the question, mostly
        while (last is null || state.IsAfter(last.State))
        {
            var ack = await _context.PublishAsync(
                PlatformNames.RunStateSubject(state.RunId),
                json,
                NatsRawSerializer<byte[]>.Default,
                new NatsJSPubOpts { ExpectedLastSubjectSequence = last?.Sequence ?? 0 },
                cancellationToken: cancellationToken);
            switch (ack.Error)
            {
                case null:
                    Remember(new Stored(ack.Seq, state));
                    return true;
                case { ErrCode: WrongLastSequence }:
                    last = await FindAsync(state.RunId, cancellationToken);
                    break;
                default:
                    throw new NatsJSApiException(ack.Error);
            }
        }

        return false;
    }

    private void Remember(Stored stored)
    {
        if (stored.State.IsFinal)
        {
            _known.TryRemove(stored.State.RunId, out _);
        }
        else
        {
            _known[stored.State.RunId] = stored;
        }
    }

    /// <summary>A state as it is stored.</summary>
    /// <param name="Sequence">Its place in the stream; a later state of the same run has a higher one.</param>
    /// <param name="State">The state.</param>
    public sealed record Stored(ulong Sequence, RunState State);
}
