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

        if (options.SagaAckWait < TimeSpan.FromSeconds(1) || options.SagaAckWait > TimeSpan.FromHours(1))
        {
            result.AddError($"nats.saga_ack_wait is {options.SagaAckWait}; it must be 1 second to 1 hour.");
        }

        return result.Build();
    }
}
