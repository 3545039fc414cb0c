namespace Topology.Idempotency;

/// <summary>What holds for every idempotency key of this process unless an endpoint or call says otherwise.</summary>
public sealed class IdempotencyOptions
{
    /// <summary>Gets or sets how long a record is kept: the time in which a repeated call is answered from it.</summary>
    /// <value>The default is 1 hour; the range is 2 · <see cref="TimestampTolerance"/> + 60 seconds to 366 days.</value>
    public TimeSpan Ttl { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Gets or sets the text every record key starts with.</summary>
    /// <value>The default is <c>idempotency:</c>; 1 to 128 visible ASCII characters, no braces.</value>
    public string KeyPrefix { get; set; } = "idempotency:";

    /// <summary>Gets or sets whether a repeated key with another request is refused.</summary>
    /// <value>The default is <see langword="true"/>.</value>
    public bool ValidateRequestHash { get; set; } = true;

    /// <summary>Gets or sets whether a stored result is checked against its hash before it is replayed.</summary>
    /// <value>The default is <see langword="true"/>.</value>
    public bool ValidateResponseHash { get; set; } = true;

    /// <summary>Gets or sets how far the time inside a key may lie from the store's time for the key to start work.</summary>
    /// <value>The default is 5 minutes; the range is 1 second to 1 day.</value>
    public TimeSpan TimestampTolerance { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets or sets how long a claim is held without being renewed. Running work renews it at a third of this.</summary>
    /// <value>The default is 30 seconds; the range is 1 second to 1 hour and below <see cref="Ttl"/>.</value>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);
}
