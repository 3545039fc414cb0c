using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Topology.Saga.JetStream.Internal;

/// <summary>What the server stores for sagas: publishes, reads without consumers, purges. Every failure is a <see cref="SagaStoreException"/>.</summary>
internal sealed class SagaStore(INatsConnection connection, SagaStreams streams, SagaCalls calls, TimeProvider time)
{
    /// <summary>A body larger than this goes into messages of its own, and the message points at them.</summary>
    public const int LargestBody = 64 << 10;

    // The client gives up a request by itself, but waits for ever for a connection that is away.
    private static readonly TimeSpan _longestCall = TimeSpan.FromSeconds(8);

    private const int PartSize = 512 << 10;
    private const string Parts = "Saga-Parts";
    private const string PartSet = "Saga-Part-Set";
    private const string LongId = "Saga-Id";

    private volatile bool _isRefusedForRoom;

    /// <summary>Publishes something of a saga; what is too large is stored beside it before.</summary>
    /// <returns>Its sequence; <see langword="null"/> when the subject was not at the expected one.</returns>
    public ValueTask<ulong?> PublishAsync(
        SagaId id, string kind, string what, ReadOnlyMemory<byte> body, NatsHeaders? headers, ulong? expected, CancellationToken cancellationToken)
    {
        if (SagaSubjects.IsHashed(SagaSubjects.Token(id.Value)))
        {
            (headers ??= [])[LongId] = SagaSubjects.Escape(id.Value);
        }

        return body.Length > LargestBody
            ? PublishInPartsAsync(id, kind, what, body, headers, expected, cancellationToken)
            : PublishAsync(streams.Subjects.Of(kind, id, what), body, headers, expected, cancellationToken);
    }

    /// <returns>Its sequence; <see langword="null"/> when the subject was not at the expected one.</returns>
    public ValueTask<ulong?> PublishAsync(
        string subject, ReadOnlyMemory<byte> body, NatsHeaders? headers, ulong? expected, CancellationToken cancellationToken)
    {
        if (expected is { } sequence)
        {
            (headers ??= [])["Nats-Expected-Last-Subject-Sequence"] = sequence.ToString(CultureInfo.InvariantCulture);
        }

        return AskAsync(subject, body, headers, isStore: true, static (store, subject, answer) => store.Sequence(subject, answer), cancellationToken);
    }

    /// <summary>Reads one message; <see langword="null"/> when there is none.</summary>
    public ValueTask<StoredMessage?> GetAsync(string stream, string request, CancellationToken cancellationToken)
    {
        // Of several servers only the leader has seen every append that has returned.
        var isDirect = streams.Options.Replicas <= 1;
        var subject = $"{streams.Context.Opts.Prefix}.{(isDirect ? "DIRECT" : "STREAM.MSG")}.GET.{stream}";
        return AskAsync<StoredMessage?>(
            subject,
            Encoding.UTF8.GetBytes(request),
            null,
            isStore: false,
            isDirect ? static (_, _, answer) => StoredMessage.FromDirect(answer) : static (_, _, answer) => StoredMessage.FromLeader(answer),
            cancellationToken);
    }

    public ValueTask<StoredMessage?> GetLastAsync(string stream, string subject, CancellationToken cancellationToken) =>
        GetAsync(stream, $$"""{"last_by_subj":"{{subject}}"}""", cancellationToken);

    public ValueTask<StoredMessage?> GetNextAsync(string stream, string subject, ulong after, CancellationToken cancellationToken) =>
        GetAsync(stream, string.Create(CultureInfo.InvariantCulture, $$"""{"seq":{{after + 1}},"next_by_subj":"{{subject}}"}"""), cancellationToken);

    /// <summary>Returns the body, with what was stored beside it.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> BodyAsync(string stream, StoredMessage message, CancellationToken cancellationToken)
    {
        if (message.Header(Parts) is not { } count)
        {
            return message.Body;
        }

        var (set, subject) = (message.Header(PartSet) ?? "", message.Subject[..message.Subject.LastIndexOf('.')]);
        using var body = new MemoryStream();
        for (var part = 0; part < int.Parse(count, CultureInfo.InvariantCulture); part++)
        {
            var found = await GetLastAsync(stream, PartSubject(subject, set, part), cancellationToken).ConfigureAwait(false)
                ?? throw new SagaStoreException($"NATS, {message.Subject}: part {part} of {count} is not there (any more).");
            body.Write(found.Body.Span);
        }

        return body.ToArray();
    }

    /// <summary>Returns the saga's id, from the subject or, when it is too long for that, from a header.</summary>
    public static string IdOf(string subject, NatsHeaders? headers)
    {
        var token = SagaSubjects.IdToken(subject);
        return SagaSubjects.Unescape(SagaSubjects.IsHashed(token) ? StoredMessage.Find(headers, LongId) ?? token : token);
    }

    /// <summary>Removes what matches, up to a sequence, or all of it.</summary>
    public async ValueTask PurgeAsync(string stream, string filter, ulong upTo, CancellationToken cancellationToken) => await CallAsync(
        stream,
        token => streams.Context.PurgeStreamAsync(stream, new StreamPurgeRequest { Filter = filter, Seq = upTo == 0 ? 0 : upTo + 1 }, token),
        cancellationToken).ConfigureAwait(false);

    public async ValueTask DeleteAsync(string stream, ulong sequence, CancellationToken cancellationToken)
    {
        try
        {
            await CallAsync(
                stream,
                token => streams.Context.DeleteMessageAsync(stream, new StreamMsgDeleteRequest { Seq = sequence, NoErase = true }, token),
                cancellationToken).ConfigureAwait(false);
        }
        catch (SagaStoreException gone) when (gone.InnerException is NatsJSApiException { Error.ErrCode: 10043 or 10057 })
        {
            // Removed by somebody else meanwhile.
        }
    }

    /// <summary>Returns how many messages each subject that matches has.</summary>
    public async ValueTask<Dictionary<string, long>> CountAsync(string stream, string filter, CancellationToken cancellationToken)
    {
        const int LargestPage = 100_000;
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        while (true)
        {
            var info = await CallAsync(
                stream,
                token => streams.Context.GetStreamAsync(stream, new StreamInfoRequest { SubjectsFilter = filter, Offset = counts.Count }, token),
                cancellationToken).ConfigureAwait(false);
            var page = info.Info.State.Subjects ?? new Dictionary<string, long>();
            foreach (var (subject, count) in page)
            {
                counts[subject] = count;
            }

            if (page.Count < LargestPage)
            {
                return counts;
            }
        }
    }

    /// <summary>Returns how full a stream is, from 0 to 1.</summary>
    public async ValueTask<double> FillAsync(string stream, CancellationToken cancellationToken)
    {
        var found = await CallAsync(stream, token => streams.Context.GetStreamAsync(stream, cancellationToken: token), cancellationToken).ConfigureAwait(false);
        return found.Info.Config.MaxBytes > 0 ? (double)found.Info.State.Bytes / found.Info.Config.MaxBytes : 0;
    }

    /// <summary>Returns how much of the account's storage is used, from 0 to 1.</summary>
    public async ValueTask<double> FillOfAccountAsync(CancellationToken cancellationToken)
    {
        var account = await CallAsync("the account", token => streams.Context.GetAccountInfoAsync(token), cancellationToken).ConfigureAwait(false);
        return account.Limits?.MaxStorage > 0 ? (double)account.Storage / account.Limits.MaxStorage : 0;
    }

    /// <summary>Whether something was refused because there was no room, and still is: a server's own storage tells of itself in no other way.</summary>
    public async ValueTask<bool> IsRefusedAsync(CancellationToken cancellationToken)
    {
        if (!_isRefusedForRoom)
        {
            return false;
        }

        _isRefusedForRoom = false;
        try
        {
            // It takes the place of the one before, and so takes no room.
            await PublishAsync(streams.Subjects.Clock, default, new() { ["Nats-Rollup"] = "sub" }, null, cancellationToken).ConfigureAwait(false);
        }
        catch (SagaStoreException) when (_isRefusedForRoom)
        {
            return true;
        }
        catch
        {
            _isRefusedForRoom = true;
            throw;
        }

        return false;
    }

    public async ValueTask<T> CallAsync<T>(string what, Func<CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_longestCall, time);
        using var either = cancellationToken.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken) : null;
        var token = either?.Token ?? timeout.Token;
        try
        {
            await streams.EnsureAsync(token).ConfigureAwait(false);
            return await call(token).ConfigureAwait(false);
        }
        catch (OperationCanceledException failure) when (!cancellationToken.IsCancellationRequested)
        {
            throw SagaErrors.Away(what, failure);
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure))
        {
            streams.Forget();
            throw SagaErrors.Away(what, failure);
        }
    }

    private static string PartSubject(string subject, string set, int part) => string.Create(CultureInfo.InvariantCulture, $"{subject}.part.{set}.{part}");

    private async ValueTask<ulong?> PublishInPartsAsync(
        SagaId id, string kind, string what, ReadOnlyMemory<byte> body, NatsHeaders? headers, ulong? expected, CancellationToken cancellationToken)
    {
        await streams.EnsureAsync(cancellationToken).ConfigureAwait(false);
        var subject = streams.Subjects.Of(kind, id);
        var size = Math.Min(PartSize, (connection.ServerInfo?.MaxPayload ?? PartSize) / 2);
        var (set, count) = (Guid.NewGuid().ToString("N"), 0);
        for (var from = 0; from < body.Length; from += size)
        {
            var part = body[from..Math.Min(from + size, body.Length)];
            await PublishAsync(PartSubject(subject, set, count++), part, null, null, cancellationToken).ConfigureAwait(false);
        }

        headers ??= [];
        (headers[Parts], headers[PartSet]) = (count.ToString(CultureInfo.InvariantCulture), set);
        return await PublishAsync($"{subject}.{what}", default, headers, expected, cancellationToken).ConfigureAwait(false);
    }

    private ulong? Sequence(string subject, SagaAnswer answer)
    {
        _isRefusedForRoom |= SagaErrors.IsFull(answer.Error);
        return answer.Error switch
        {
            SagaErrors.WrongLastSequence => null,
            0 when answer.Sequence > 0 => answer.Sequence,
            _ => throw SagaErrors.Refused(subject, answer.Error, answer.Text),
        };
    }

    /// <summary>Asks the server. A saga does so for each step, so this is one method and not one upon the other.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<T> AskAsync<T>(
        string subject, ReadOnlyMemory<byte> body, NatsHeaders? headers, bool isStore, Func<SagaStore, string, SagaAnswer, T> read, CancellationToken cancellationToken)
    {
        SagaAnswer answer;
        try
        {
            if (!streams.IsReady)
            {
                await streams.EnsureAsync(cancellationToken).AsTask().WaitAsync(_longestCall, time, cancellationToken).ConfigureAwait(false);
            }

            answer = await calls.AskAsync(subject, body, headers, isStore, cancellationToken).ConfigureAwait(false);
            if (answer.Status is 503)
            {
                throw new NatsNoRespondersException();
            }
        }
        catch (Exception failure) when (SagaErrors.IsAway(failure))
        {
            cancellationToken.ThrowIfCancellationRequested();
            streams.Forget();
            throw SagaErrors.Away(subject, failure);
        }

        try
        {
            return read(this, subject, answer);
        }
        catch (Exception failure) when (failure is NatsException or JsonException or FormatException or KeyNotFoundException)
        {
            throw SagaErrors.Away(subject, failure);
        }
    }
}
