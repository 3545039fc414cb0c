namespace Topology.Idempotency;

/// <summary>Bounds the store that lives in this process.</summary>
public sealed class InMemoryIdempotencyStoreOptions
{
    /// <summary>Gets or sets how many bytes the records may take, about.</summary>
    /// <value>The default is 64 MiB; the range is 64 KiB to 1 TiB.</value>
    /// <remarks>
    /// At the limit a new key is refused with <see cref="IdempotencyStoreException"/>. No record is ever dropped before its time, and
    /// the owner of a running claim can always store its result.
    /// </remarks>
    public long MaxBytes { get; set; } = 64L * 1024 * 1024;
}
