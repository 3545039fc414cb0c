namespace Topology.Idempotency.AspNetCore;

/// <summary>Endpoint metadata that turns keys on or changes how they are used; a later one changes what an earlier one made.</summary>
public interface IIdempotencyMetadata
{
    /// <summary>Changes the settings.</summary>
    /// <param name="settings">What groups and earlier metadata made.</param>
    IdempotencyEndpoint Apply(IdempotencyEndpoint settings);
}
