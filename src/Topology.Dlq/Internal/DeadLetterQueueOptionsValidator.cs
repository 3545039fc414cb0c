using Microsoft.Extensions.Options;

namespace Topology.Dlq.Internal;

internal sealed class DeadLetterQueueOptionsValidator : IValidateOptions<DeadLetterQueueOptions>
{
    public ValidateOptionsResult Validate(string? name, DeadLetterQueueOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        var queue = $"Dead-letter queue '{name}'";
        if (options.Subjects.Count == 0)
            result.AddError($"{queue}: subjects is empty; it must name at least one subject, unless the queue's name ends in '.dlq'.");
        foreach (var subject in options.Subjects)
        {
            if (!DeadLetterNameRules.IsDotted(subject))
                result.AddError($"{queue}: subjects holds '{subject}'; a subject must be {DeadLetterNameRules.Dotted}.");
        }

        if (options.MaxAge < TimeSpan.FromMinutes(1) || options.MaxAge > TimeSpan.FromDays(3650))
            result.AddError($"{queue}: max_age is {options.MaxAge}; it must be 1 minute to 3650 days.");
        if (options.MaxBytes < 1 << 20)
            result.AddError($"{queue}: max_bytes is {options.MaxBytes}; it must be 1048576 (1 MiB) or more.");
        if (!Enum.IsDefined(options.Storage))
            result.AddError($"{queue}: storage is {options.Storage}; it must be file or memory.");
        if (options.Consumer is { } consumer)
        {
            if (!DeadLetterNameRules.IsConsumer(consumer.Name))
                result.AddError($"{queue}: consumer name is '{consumer.Name}'; it must be 1 to 100 letters, digits, '-' or '_'.");
            if (consumer.MaxDeliver is < 1 or > 100)
                result.AddError($"{queue}: consumer max_deliver is {consumer.MaxDeliver}; it must be 1 to 100.");
            if (consumer.AckWait < TimeSpan.FromSeconds(1) || consumer.AckWait > TimeSpan.FromHours(1))
                result.AddError($"{queue}: consumer ack_wait is {consumer.AckWait}; it must be 1 second to 1 hour.");
            if (consumer.MaxProcessingTime < TimeSpan.FromSeconds(1) || consumer.MaxProcessingTime > TimeSpan.FromDays(1))
                result.AddError($"{queue}: consumer max_processing_time is {consumer.MaxProcessingTime}; it must be 1 second to 1 day.");
        }

        return result.Build();
    }
}
