using System.Globalization;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Topology.Saga.ChaosWorker;

/// <summary>A participant that is exact: each booking of a transfer is done at most once, undone at most once, and never done after it was undone.</summary>
/// <remarks>
/// One subject per transfer and booking; what was done and undone are appended by compare-and-set, with the fencing number of whoever asked.
/// Undoing what was never done is remembered, so that a request that comes later is refused.
/// </remarks>
public sealed class Bank(INatsConnection connection)
{
    /// <summary>The stream that holds the bookings.</summary>
    public const string Stream = "BANK";

    private const int WrongLastSequence = 10071;

    private readonly NatsJSContext _jetStream = new(connection);

    /// <summary>Books, unless that was done before.</summary>
    public Task DoAsync(string transfer, string booking, long fence, CancellationToken cancellationToken) =>
        RecordAsync(transfer, booking, "do", fence, cancellationToken);

    /// <summary>Undoes a booking, unless that was done before.</summary>
    public Task UndoAsync(string transfer, string booking, long fence, CancellationToken cancellationToken) =>
        RecordAsync(transfer, booking, "undo", fence, cancellationToken);

    private async Task RecordAsync(string transfer, string booking, string what, long fence, CancellationToken cancellationToken)
    {
        var subject = $"{Stream}.{transfer}.{booking}";
        for (var attempt = 1; ; attempt++)
        {
            // Booked at once, as most are the first: a request that is held on its way is a booking that comes late.
            var (last, sequence) = attempt == 1 && what == "do" ? (null, 0) : await LastAsync(subject, cancellationToken);
            if (last == what)
            {
                return;
            }

            if (last == "undo")
            {
                throw new SagaRejectedException($"{booking} of {transfer} was undone.");
            }

            var body = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{what} {fence}"));
            var ack = await _jetStream.PublishAsync(
                subject, body, opts: new() { ExpectedLastSubjectSequence = sequence, RetryAttempts = 1 }, cancellationToken: cancellationToken);
            if (ack.Error?.ErrCode != WrongLastSequence)
            {
                ack.EnsureSuccess();
                return;
            }
        }
    }

    private async Task<(string? What, ulong Sequence)> LastAsync(string subject, CancellationToken cancellationToken)
    {
        var reply = await connection.RequestAsync<byte[], byte[]>(
            $"$JS.API.DIRECT.GET.{Stream}", Encoding.UTF8.GetBytes($$"""{"last_by_subj":"{{subject}}"}"""), cancellationToken: cancellationToken);
        return reply.Headers is { Code: 0 } headers
            ? (Encoding.UTF8.GetString(reply.Data ?? []).Split(' ')[0], ulong.Parse(headers["Nats-Sequence"].ToString(), CultureInfo.InvariantCulture))
            : (null, 0);
    }
}
