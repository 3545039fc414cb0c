using System.Globalization;
using Microsoft.Extensions.Options;

namespace Topology.Idempotency.Internal;

internal sealed class IdempotencyOptionsValidator : IValidateOptions<IdempotencyOptions>
{
    private static readonly TimeSpan LongestTtl = TimeSpan.FromDays(366);

    public ValidateOptionsResult Validate(string? name, IdempotencyOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.TimestampTolerance < TimeSpan.FromSeconds(1) || options.TimestampTolerance > TimeSpan.FromDays(1))
            result.AddError(Say($"idempotency.validation.timestamp_tolerance is {options.TimestampTolerance}; it must be 1 second to 1 day."));

        var shortest = KeyTimes.ShortestTtl(options.TimestampTolerance);
        if (options.Ttl < shortest || options.Ttl > LongestTtl)
            result.AddError(Say($"idempotency.ttl is {options.Ttl}; it must be 2 * timestamp_tolerance + 60 seconds ({shortest}) to 366 days."));

        if (options.Lease < TimeSpan.FromSeconds(1) || options.Lease > TimeSpan.FromHours(1) || options.Lease >= options.Ttl)
            result.AddError(Say($"idempotency.lease is {options.Lease}; it must be 1 second to 1 hour and below the ttl ({options.Ttl})."));

        if (options.KeyPrefix is not { Length: >= 1 and <= 128 } prefix || prefix.Any(c => c is <= ' ' or > '~' or '{' or '}'))
            result.AddError(Say($"idempotency.key_prefix is '{options.KeyPrefix}'; it must be 1 to 128 visible ASCII characters without braces."));

        return result.Build();
    }

    private static string Say(FormattableString message) => message.ToString(CultureInfo.InvariantCulture);
}
