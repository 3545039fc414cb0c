using Microsoft.Extensions.Options;

namespace Topology.Saga.Internal;

internal sealed class SagaOptionsValidator : IValidateOptions<SagaOptions>
{
    private static readonly TimeSpan _longest = TimeSpan.FromDays(365);

    public ValidateOptionsResult Validate(string? name, SagaOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.MaxConcurrentSagas is < 1 or > 100_000)
        {
            result.AddError($"Sagas: MaxConcurrentSagas is {options.MaxConcurrentSagas}; it must be 1 to 100,000.");
        }

        if (options.MaxTakeovers is < 1 or > 1_000)
        {
            result.AddError($"Sagas: MaxTakeovers is {options.MaxTakeovers}; it must be 1 to 1,000.");
        }

        if (options.UnknownDefinitionTimeout < TimeSpan.FromSeconds(1) || options.UnknownDefinitionTimeout > TimeSpan.FromDays(1))
        {
            result.AddError($"Sagas: UnknownDefinitionTimeout is {options.UnknownDefinitionTimeout}; it must be 1 second to 1 day.");
        }

        CheckRetention(options, result);
        return result.Build();
    }

    private static void CheckRetention(SagaOptions options, ValidateOptionsResultBuilder result)
    {
        if (options.HistoryAge < TimeSpan.FromMinutes(1) || options.HistoryAge > _longest)
        {
            result.AddError($"Sagas: HistoryAge is {options.HistoryAge}; it must be 1 minute to 365 days.");
        }

        if (options.LongestStartAge < TimeSpan.Zero || options.LongestStartAge > _longest)
        {
            result.AddError($"Sagas: LongestStartAge is {options.LongestStartAge}; it must be 0 to 365 days.");
        }

        if (options.LongestLetterAge < TimeSpan.Zero || options.LongestLetterAge > _longest)
        {
            result.AddError($"Sagas: LongestLetterAge is {options.LongestLetterAge}; it must be 0 to 365 days.");
        }

        var least = options.LongestStartAge + options.LongestLetterAge + TimeSpan.FromDays(1);
        if (options.TombstoneAge < least || options.TombstoneAge > 10 * _longest)
        {
            result.AddError(
                $"Sagas: TombstoneAge is {options.TombstoneAge}; it must be {least} (LongestStartAge + LongestLetterAge + 1 day) to 10 years, or a late message would start an ended saga again.");
        }

        if (options.RetentionPeriod < TimeSpan.FromSeconds(1) || options.RetentionPeriod > TimeSpan.FromDays(1))
        {
            result.AddError($"Sagas: RetentionPeriod is {options.RetentionPeriod}; it must be 1 second to 1 day.");
        }
    }
}
