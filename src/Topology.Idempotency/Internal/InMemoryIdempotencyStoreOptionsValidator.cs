using Microsoft.Extensions.Options;

namespace Topology.Idempotency.Internal;

internal sealed class InMemoryIdempotencyStoreOptionsValidator : IValidateOptions<InMemoryIdempotencyStoreOptions>
{
    public ValidateOptionsResult Validate(string? name, InMemoryIdempotencyStoreOptions options) =>
        options.MaxBytes is >= 64 * 1024 and <= 1L << 40
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"InMemoryIdempotencyStoreOptions.MaxBytes is {options.MaxBytes}; it must be 65536 to 1099511627776.");
}
