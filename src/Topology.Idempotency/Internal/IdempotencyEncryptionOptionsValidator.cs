using Microsoft.Extensions.Options;

namespace Topology.Idempotency.Internal;

internal sealed class IdempotencyEncryptionOptionsValidator : IValidateOptions<IdempotencyEncryptionOptions>
{
    public ValidateOptionsResult Validate(string? name, IdempotencyEncryptionOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.CurrentKeyId is { } current && !options.Keys.ContainsKey(current))
            result.AddError($"IdempotencyEncryptionOptions.CurrentKeyId is '{current}'; Keys has no such key.");
        foreach (var (id, key) in options.Keys)
        {
            if (id.Length is < 1 or > 32 || id.Any(c => c is <= ' ' or > '~'))
                result.AddError($"IdempotencyEncryptionOptions.Keys has the id '{id}'; it must be 1 to 32 visible ASCII characters.");
            if (key is not { Length: 32 })
                result.AddError($"IdempotencyEncryptionOptions.Keys['{id}'] has {key?.Length ?? 0} bytes; AES-256 needs 32.");
        }

        return result.Build();
    }
}
