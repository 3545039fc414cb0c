using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Topology.Dlq;

namespace Topology.Resilience.Internal;

/// <summary>Hands the block <c>nats</c> to the packages that keep something there.</summary>
internal sealed class NatsProvisioning(IOptions<TopologyNatsOptions> nats, IHostEnvironment? environment = null)
    : IConfigureOptions<JetStreamDeadLetterOptions>
{
    private TopologyProvisioning Provision =>
        nats.Value.Provision ?? (environment?.IsDevelopment() == true ? TopologyProvisioning.Create : TopologyProvisioning.Verify);

    public void Configure(JetStreamDeadLetterOptions options)
    {
        options.Replicas = nats.Value.Replicas;
        options.Provision = Provision switch
        {
            TopologyProvisioning.Create => DeadLetterProvisioning.Create,
            TopologyProvisioning.Off => DeadLetterProvisioning.Off,
            _ => DeadLetterProvisioning.Verify,
        };
    }
}
