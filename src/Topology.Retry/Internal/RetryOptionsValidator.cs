using Microsoft.Extensions.Options;

namespace Topology.Retry.Internal;

/// <summary>Checks every profile and every budget that a profile names, so that start reports all mistakes at once.</summary>
internal sealed class RetryOptionsValidator(IOptionsFactory<RetryProfileOptions> profiles, IOptionsFactory<RetryBudgetOptions> budgets)
    : IValidateOptions<RetryOptions>
{
    public ValidateOptionsResult Validate(string? name, RetryOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        var budgetNames = new HashSet<string>(StringComparer.Ordinal);
        foreach (var profileName in options.ProfileNames.Order(StringComparer.Ordinal))
        {
            if (string.IsNullOrWhiteSpace(profileName))
            {
                result.AddError("Retry profiles: a name is empty; it must have at least one character.");
            }
            else if (Create(profiles, profileName) is { Budget: { } budgetName } && budgetNames.Add(budgetName))
            {
                Create(budgets, budgetName);
            }
        }

        return result.Build();

        T? Create<T>(IOptionsFactory<T> factory, string optionsName)
            where T : class
        {
            try
            {
                return factory.Create(optionsName);
            }
            catch (OptionsValidationException invalid)
            {
                foreach (var failure in invalid.Failures)
                {
                    result.AddError(failure);
                }

                return null;
            }
        }
    }
}
