namespace Topology.Idempotency;

/// <summary>The result of work as it is stored and replayed: a status, headers and bytes.</summary>
/// <remarks>Outside HTTP the status is 0 and there are no headers. The caller must not change the bytes afterwards.</remarks>
public sealed class StoredResult
{
    /// <summary>Gets the status code; 0 outside HTTP.</summary>
    public int Status { get; init; }

    /// <summary>Gets the headers, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Gets the bytes.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }
}
