using Microsoft.Extensions.Options;

namespace Topology.Resilience.Internal;

internal sealed class TopologyNatsOptionsValidator : IValidateOptions<TopologyNatsOptions>
{
    public ValidateOptionsResult Validate(string? name, TopologyNatsOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Provision is { } provision && !Enum.IsDefined(provision))
        {
            result.AddError($"nats.provision is {provision}; it must be create, verify or off.");
        }

        if (options.Replicas is < 1 or > 5)
        {
            result.AddError($"nats.replicas is {options.Replicas}; it must be 1 to 5.");
        }

        return result.Build();
    }
}
