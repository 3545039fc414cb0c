namespace Topology.Idempotency.AspNetCore;

/// <summary>Turns keys on for an MVC controller or action.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class IdempotentAttribute : Attribute, IIdempotencyMetadata
{
    /// <summary>Gets or sets whether a request without a key is refused.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool KeyRequired { get; set; }

    /// <summary>Gets or sets whether a key must carry a time.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool RequireTimedKeys { get; set; }

    /// <summary>Gets or sets how long a record lives, in seconds.</summary>
    /// <value>The default is 0: <see cref="IdempotencyOptions.Ttl"/>.</value>
    public int TtlSeconds { get; set; }

    /// <inheritdoc/>
    public IdempotencyEndpoint Apply(IdempotencyEndpoint settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings with
        {
            KeyRequired = KeyRequired || settings.KeyRequired,
            RequireTimedKeys = RequireTimedKeys || settings.RequireTimedKeys,
            Policy = TtlSeconds > 0 ? settings.Policy with { Ttl = TimeSpan.FromSeconds(TtlSeconds) } : settings.Policy,
        };
    }
}
