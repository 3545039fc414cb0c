namespace Topology.Idempotency.AspNetCore.Internal;

internal sealed class IdempotencyMetadata(Func<IdempotencyEndpoint, IdempotencyEndpoint> change) : IIdempotencyMetadata
{
    public IdempotencyEndpoint Apply(IdempotencyEndpoint settings) => change(settings);
}
