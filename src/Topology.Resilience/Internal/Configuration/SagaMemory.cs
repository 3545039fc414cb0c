using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Saga;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>
/// An ended saga must be remembered for as long as a letter can still ask for it: a queue that keeps its letters for longer makes sagas
/// remember for longer, unless <c>sagas</c> or code say otherwise.
/// </summary>
internal sealed class SagaMemory(IServiceProvider services) : IConfigureOptions<SagaOptions>
{
    /// <summary>The longest that sagas can be told to wait for letters.</summary>
    private static readonly TimeSpan s_most = TimeSpan.FromDays(365);

    public void Configure(SagaOptions options)
    {
        foreach (string queue in Unvalidated.Options("", new DeadLetterOptions(), services).QueueNames)
        {
            TimeSpan age = Unvalidated.Options(queue, new DeadLetterQueueOptions(), services).MaxAge;
            options.LongestLetterAge = age < options.LongestLetterAge ? options.LongestLetterAge : age < s_most ? age : s_most;
        }

        TimeSpan least = options.LongestStartAge + options.LongestLetterAge + TimeSpan.FromDays(1);
        options.TombstoneAge = least < options.TombstoneAge ? options.TombstoneAge : least;
    }
}
