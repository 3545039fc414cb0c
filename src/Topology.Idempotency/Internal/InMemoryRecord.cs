namespace Topology.Idempotency.Internal;

/// <summary>What <see cref="InMemoryIdempotencyStore"/> keeps under a key; used under its lock.</summary>
internal sealed class InMemoryRecord
{
    private const int Overhead = 300; // what a record takes besides its key and result, roughly

    private TaskCompletionSource? _settled;

    public RecordState State { get; private set; }

    public Guid Owner { get; set; }

    public bool TookOver { get; set; }

    public long Fence { get; set; }

    public RequestFingerprint Fingerprint { get; set; }

    public DateTimeOffset LeaseEnds { get; set; }

    public DateTimeOffset Ends { get; set; }

    public ReadOnlyMemory<byte> Result { get; set; }

    public Task Settled => (_settled ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public bool IsOwnedBy(IdempotencyClaim claim) => Owner == claim.Owner && Fence == claim.Fence;

    public long Size(string key) => Overhead + 2L * key.Length + Result.Length;

    public void Change(RecordState state)
    {
        State = state;
        _settled?.TrySetResult();
        _settled = null;
    }

    public IdempotencyRecord ToPublic(IdempotencyRecordKey key, DateTimeOffset now) => new()
    {
        Key = key,
        State = State,
        Fence = Fence,
        Fingerprint = Fingerprint,
        LeaseLeft = State == RecordState.InProgress && LeaseEnds > now ? LeaseEnds - now : TimeSpan.Zero,
        TimeToLive = Ends - now,
    };
}
