using Microsoft.Extensions.Options;

namespace Topology.Saga.Internal;

internal sealed class SagaOptionsValidator : IValidateOptions<SagaOptions>
{
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

        return result.Build();
    }
}
