using System.Globalization;
using Microsoft.Extensions.Options;

namespace Topology.Retry.Internal;

internal sealed class RetryBudgetOptionsValidator : IValidateOptions<RetryBudgetOptions>
{
    public ValidateOptionsResult Validate(string? name, RetryBudgetOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        Check("max_tokens", options.MaxTokens, 1, 1_000_000);
        Check("retry_cost", options.RetryCost, 1, Math.Max(1, options.MaxTokens));
        Check("success_credit", options.SuccessCredit, 0, Math.Max(0, options.MaxTokens));
        return result.Build();

        void Check(string key, int value, int low, int high)
        {
            if (value < low || value > high)
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"Retry budget '{name}': {key} is {value}; it must be {low} to {high}."));
            }
        }
    }

    public static void ThrowIfInvalid(string name, RetryBudgetOptions options)
    {
        var result = new RetryBudgetOptionsValidator().Validate(name, options);
        if (result.Failed)
        {
            throw new OptionsValidationException(name, typeof(RetryBudgetOptions), result.Failures);
        }
    }
}
