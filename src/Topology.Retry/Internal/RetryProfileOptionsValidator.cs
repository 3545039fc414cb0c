using System.Globalization;
using Microsoft.Extensions.Options;

namespace Topology.Retry.Internal;

internal sealed class RetryProfileOptionsValidator : IValidateOptions<RetryProfileOptions>
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);

    public ValidateOptionsResult Validate(string? name, RetryProfileOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.MaxAttempts is < 1 or > 100)
        {
            Refuse("max_attempts", options.MaxAttempts.ToString(CultureInfo.InvariantCulture), "1 to 100");
        }

        CheckTime("base_delay", options.BaseDelay, TimeSpan.Zero, Day);
        CheckTime("max_delay", options.MaxDelay, options.BaseDelay < TimeSpan.Zero ? TimeSpan.Zero : options.BaseDelay, Week);
        if (!(options.ExponentialBase is >= 1 and <= 10))
        {
            Refuse("exponential_base", options.ExponentialBase.ToString(CultureInfo.InvariantCulture), "1 to 10");
        }

        CheckTime("attempt_timeout", options.AttemptTimeout, Millisecond, Day);
        CheckTime("overall_timeout", options.OverallTimeout, Millisecond, Week);
        CheckTime("max_server_delay", options.MaxServerDelay, TimeSpan.Zero, Week);
        if (options.Unknown is not (UnknownFailure.Retry or UnknownFailure.Stop))
        {
            Refuse("unknown", ((int)options.Unknown).ToString(CultureInfo.InvariantCulture), "retry or stop");
        }

        if (options.Budget is "")
        {
            Refuse("budget", "empty", "the name of a budget, or absent");
        }

        return result.Build();

        void CheckTime(string key, TimeSpan? value, TimeSpan low, TimeSpan high)
        {
            if (value < low || value > high)
            {
                Refuse(key, DurationText.Of(value.Value), $"{DurationText.Of(low)} to {DurationText.Of(high)}");
            }
        }

        void Refuse(string key, string found, string allowed) =>
            result.AddError($"Retry profile '{name}': {key} is {found}; it must be {allowed}.");
    }

    public static void ThrowIfInvalid(string name, RetryProfileOptions options)
    {
        var result = new RetryProfileOptionsValidator().Validate(name, options);
        if (result.Failed)
        {
            throw new OptionsValidationException(name, typeof(RetryProfileOptions), result.Failures);
        }
    }
}
