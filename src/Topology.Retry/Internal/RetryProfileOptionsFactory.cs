using Microsoft.Extensions.Options;

namespace Topology.Retry.Internal;

/// <summary>Starts each profile from the specification's numbers, so that the order of registrations does not matter.</summary>
internal sealed class RetryProfileOptionsFactory(
    IEnumerable<IConfigureOptions<RetryProfileOptions>> setups,
    IEnumerable<IPostConfigureOptions<RetryProfileOptions>> postConfigures,
    IEnumerable<IValidateOptions<RetryProfileOptions>> validations)
    : OptionsFactory<RetryProfileOptions>(setups, postConfigures, validations)
{
    protected override RetryProfileOptions CreateInstance(string name) => RetryProfileOptions.ForProfile(name);
}
