using Microsoft.Extensions.Options;

namespace Topology.Saga.Internal;

internal sealed class SagaOptionsValidator : IValidateOptions<SagaOptions>
{
    public ValidateOptionsResult Validate(string? name, SagaOptions options) => options.MaxConcurrentSagas is < 1 or > 100_000
        ? ValidateOptionsResult.Fail($"Sagas: MaxConcurrentSagas is {options.MaxConcurrentSagas}; it must be 1 to 100,000.")
        : ValidateOptionsResult.Success;
}
