using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Saga.JetStream;

namespace Topology.Resilience.Internal;

/// <summary>Hands the block <c>nats</c> to the packages that keep something there.</summary>
internal sealed class NatsProvisioning(IOptions<TopologyNatsOptions> nats, IHostEnvironment? environment = null)
    : IConfigureOptions<JetStreamDeadLetterOptions>, IConfigureOptions<JetStreamSagaOptions>
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

    public void Configure(JetStreamSagaOptions options)
    {
        options.Replicas = nats.Value.Replicas;
        options.AckWait = nats.Value.SagaAckWait;
        options.Provision = Provision switch
        {
            TopologyProvisioning.Create => SagaProvisioning.Create,
            TopologyProvisioning.Off => SagaProvisioning.Off,
            _ => SagaProvisioning.Verify,
        };
    }
}
