using Microsoft.Extensions.Options;

namespace Topology.Idempotency.AspNetCore.Internal;

internal sealed class IdempotencyHttpOptionsValidator : IValidateOptions<IdempotencyHttpOptions>
{
    public ValidateOptionsResult Validate(string? name, IdempotencyHttpOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (string.IsNullOrEmpty(options.HeaderName) || options.HeaderName.Any(c => !char.IsAsciiLetterOrDigit(c) && c != '-'))
            result.AddError($"IdempotencyHttpOptions.HeaderName is '{options.HeaderName}'; it must be letters, digits and hyphens.");
        if (options.MaxKeyLength is < 1 or > 255)
            result.AddError($"IdempotencyHttpOptions.MaxKeyLength is {options.MaxKeyLength}; it must be 1 to 255.");
        if (!Uri.TryCreate(options.ProblemTypeBase, UriKind.Absolute, out _))
            result.AddError($"IdempotencyHttpOptions.ProblemTypeBase is '{options.ProblemTypeBase}'; it must be an absolute URI.");
        return result.Build();
    }
}
