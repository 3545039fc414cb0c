using Microsoft.Extensions.Options;

namespace Topology.Dlq.Internal;

internal sealed class GuardedConsumerOptionsValidator(IOptions<DeadLetterOptions> queues, Topology.Retry.IRetryPolicies policies)
    : IValidateOptions<GuardedConsumerOptions>
{
    public ValidateOptionsResult Validate(string? name, GuardedConsumerOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        var consumer = $"Guarded consumer '{name}'";
        if (!DeadLetterNameRules.IsConsumer(name))
            result.AddError($"{consumer}: name must be 1 to 100 letters, digits, '-' or '_'.");
        if (!DeadLetterNameRules.IsConsumer(options.Stream))
            result.AddError($"{consumer}: stream is '{options.Stream}'; it must be 1 to 100 letters, digits, '-' or '_'.");
        if (!queues.Value.QueueNames.Contains(options.Queue))
            result.AddError($"{consumer}: queue is '{options.Queue}'; it must be one of {string.Join(", ", queues.Value.QueueNames.Order(StringComparer.Ordinal))}.");
        if (!policies.TryGet(options.RetryProfile, out _))
            result.AddError($"{consumer}: retry_profile is '{options.RetryProfile}'; it must be a retry profile.");
        if (options.Concurrency is < 1 or > 1000)
            result.AddError($"{consumer}: concurrency is {options.Concurrency}; it must be 1 to 1000.");
        if (options.Prefetch < options.Concurrency || options.Prefetch > 10_000)
            result.AddError($"{consumer}: prefetch is {options.Prefetch}; it must be concurrency ({options.Concurrency}) to 10000.");
        if (options.MaxAckPending < 2 * options.Prefetch || options.MaxAckPending > 1_000_000)
            result.AddError($"{consumer}: max_ack_pending is {options.MaxAckPending}; it must be twice prefetch ({2 * options.Prefetch}) to 1000000.");
        if (options.AckWait < TimeSpan.FromSeconds(1) || options.AckWait > TimeSpan.FromHours(1))
            result.AddError($"{consumer}: ack_wait is {options.AckWait}; it must be 1 second to 1 hour.");
        if (options.MaxProcessingTime < TimeSpan.FromSeconds(1) || options.MaxProcessingTime > TimeSpan.FromDays(1))
            result.AddError($"{consumer}: max_processing_time is {options.MaxProcessingTime}; it must be 1 second to 1 day.");
        if (options.OutageThreshold is < 2 or > 10_000)
            result.AddError($"{consumer}: outage_threshold is {options.OutageThreshold}; it must be 2 to 10000.");
        if (options.MaxOutage < TimeSpan.FromSeconds(1) || options.MaxOutage > TimeSpan.FromDays(7))
            result.AddError($"{consumer}: max_outage is {options.MaxOutage}; it must be 1 second to 7 days.");
        return result.Build();
    }
}
