using System.Globalization;
using Microsoft.Extensions.Options;

namespace Topology.Retry.Internal;

internal sealed class HttpRetryOptionsValidator(IRetryPolicies policies) : IValidateOptions<HttpRetryOptions>
{
    private const int Largest = 1024 * 1024 * 1024;

    public ValidateOptionsResult Validate(string? name, HttpRetryOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.MaxBufferedContent is < 0 or > Largest)
        {
            result.AddError(string.Create(
                CultureInfo.InvariantCulture,
                $"HttpClient '{name}': max_buffered_content is {options.MaxBufferedContent}; it must be 0 to {Largest} bytes."));
        }

        if (!policies.TryGet(options.Profile, out _))
        {
            result.AddError($"HttpClient '{name}': profile is '{options.Profile}'; it must be one of {string.Join(", ", policies.Names)}.");
        }

        return result.Build();
    }
}
