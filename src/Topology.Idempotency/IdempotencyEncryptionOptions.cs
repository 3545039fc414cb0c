namespace Topology.Idempotency;

/// <summary>Encrypts stored results with AES-256-GCM, bound to their key: moved to another record they do not open.</summary>
/// <remarks>Nonces are random, so change the key before 2^32 results were written with it (NIST SP 800-38D, 8.3).</remarks>
public sealed class IdempotencyEncryptionOptions
{
    /// <summary>Gets or sets the id of the key that new results are written with.</summary>
    /// <value>The default is <see langword="null"/>: results are stored as they are.</value>
    public string? CurrentKeyId { get; set; }

    /// <summary>Gets the keys by id, 32 bytes each; ids are 1 to 32 visible ASCII characters. Old keys stay for one ttl.</summary>
    public IDictionary<string, byte[]> Keys { get; } = new Dictionary<string, byte[]>(StringComparer.Ordinal);

    /// <summary>Gets or sets whether results that are not encrypted are still replayed. Turn it on for one ttl when encryption begins.</summary>
    /// <value>The default is <see langword="false"/>: such a record counts as damaged.</value>
    public bool ReadUnencrypted { get; set; }
}
