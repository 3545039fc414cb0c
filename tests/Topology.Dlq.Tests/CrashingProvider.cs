namespace Topology.Dlq.Tests;

/// <summary>A provider whose process dies at one of its calls, before or after the call took effect. It writes down every call.</summary>
internal sealed class CrashingProvider(IDeadLetterQueueProvider inner) : IDeadLetterQueueProvider
{
    private int _calls;

    /// <summary>Gets or sets the call, counted from 1, that does not return; 0 for none.</summary>
    public int CrashAt { get; set; }

    public bool CrashAfterEffect { get; set; }

    public List<string> Journal { get; } = [];

    public bool Crashed { get; private set; }

    public ValueTask<bool> AppendAsync(DeadLetter letter, CancellationToken cancellationToken) =>
        Call("append", () => inner.AppendAsync(letter, cancellationToken));

    public ValueTask<DeadLetter?> FindAsync(string queue, string id, CancellationToken cancellationToken) =>
        inner.FindAsync(queue, id, cancellationToken);

    public IAsyncEnumerable<DeadLetter> ReadAsync(string queue, CancellationToken cancellationToken) => inner.ReadAsync(queue, cancellationToken);

    public ValueTask<bool> RemoveAsync(string queue, string id, CancellationToken cancellationToken) =>
        Call("remove", () => inner.RemoveAsync(queue, id, cancellationToken));

    public ValueTask<DeadLetterQueueSample> SampleAsync(string queue, CancellationToken cancellationToken) =>
        inner.SampleAsync(queue, cancellationToken);

    public ValueTask<DeadLetterMark> ReadMarkAsync(string queue, string id, CancellationToken cancellationToken) =>
        Call("read-mark", () => inner.ReadMarkAsync(queue, id, cancellationToken), quiet: true);

    public IAsyncEnumerable<DeadLetterMark> ReadMarksAsync(string queue, CancellationToken cancellationToken) =>
        inner.ReadMarksAsync(queue, cancellationToken);

    public ValueTask<ulong?> TryWriteMarkAsync(DeadLetterMark mark, CancellationToken cancellationToken)
    {
        var what = mark switch
        {
            { Closed: not null, RedriveDone: > 0 } => $"done({mark.RedriveDone}), closed",
            { Closed: not null } => "closed",
            { RedriveStarted: > 0 } => $"started({mark.RedriveStarted},{mark.RedrivePosition})",
            { Parked: not null } => "parked",
            { Steps.Count: > 0 } => $"step({mark.Steps[^1]})",
            { ProcessorStarts: > 0 } => $"try({mark.ProcessorStarts})",
            _ => "transferred",
        };
        return Call($"mark {what}", () => inner.TryWriteMarkAsync(mark, cancellationToken));
    }

    public IAsyncEnumerable<IDeadLetterDelivery> ReceiveAsync(
        string queue, DeadLetterConsumerOptions consumer, CancellationToken cancellationToken) =>
        inner.ReceiveAsync(queue, consumer, cancellationToken);

    /// <summary>Lets another part of the process die at the same count.</summary>
    public async ValueTask<T> Call<T>(string what, Func<ValueTask<T>> call, bool quiet = false)
    {
        var dies = ++_calls == CrashAt;
        if (dies && !CrashAfterEffect)
            throw Die();
        if (!quiet)
            Journal.Add(what);
        var result = await call();
        return dies ? throw Die() : result;
    }

    private CrashException Die()
    {
        Crashed = true;
        return new CrashException();
    }

    internal sealed class CrashException : Exception;
}
