using Microsoft.Extensions.Options;

namespace Topology.Dlq.Internal;

/// <summary>Validates the list of queues, each queue, what the queues are to each other, and what is registered for them.</summary>
internal sealed class DeadLetterOptionsValidator(
    IOptionsMonitor<DeadLetterQueueOptions> queues,
    IEnumerable<DeadLetterProcessorRegistration> processors,
    IEnumerable<RedriveTargetRegistration> targets) : IValidateOptions<DeadLetterOptions>
{
    public ValidateOptionsResult Validate(string? name, DeadLetterOptions options)
    {
        if (!string.IsNullOrEmpty(name))
            return ValidateOptionsResult.Skip;

        var result = new ValidateOptionsResultBuilder();
        if (options.SampleInterval < TimeSpan.FromSeconds(1) || options.SampleInterval > TimeSpan.FromHours(1))
            result.AddError($"Dead letters: sample_interval is {options.SampleInterval}; it must be 1 second to 1 hour.");

        var subjects = new List<(string Queue, string Subject)>();
        var physical = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var queue in options.QueueNames.Order(StringComparer.Ordinal))
        {
            if (!DeadLetterNameRules.IsDotted(queue))
            {
                result.AddError($"Dead-letter queue '{queue}': name must be {DeadLetterNameRules.Dotted}.");
                continue;
            }

            foreach (var taken in new[] { DeadLetterQueueNames.ToPhysical(queue), DeadLetterQueueNames.ToPhysicalMarks(queue), JetStreamShapes.DelayedStream(queue) })
            {
                if (!physical.TryAdd(taken, queue))
                    result.AddError($"Dead-letter queue '{queue}': name is '{taken}' on a server, as for queue '{physical[taken]}'; each must be unique.");
            }

            try
            {
                subjects.AddRange(queues.Get(queue).Subjects.Select(subject => (queue, subject)));
            }
            catch (OptionsValidationException invalid)
            {
                foreach (var failure in invalid.Failures)
                    result.AddError(failure);
            }
        }

        foreach (var (queue, subject) in subjects)
        {
            foreach (var other in subjects)
            {
                if (other != (queue, subject) && $"{other.Subject}.".StartsWith($"{subject}.", StringComparison.Ordinal))
                    result.AddError($"Dead-letter queue '{other.Queue}': subjects holds '{other.Subject}', which queue '{queue}' takes with '{subject}'.");
            }
        }

        foreach (var twice in subjects.GroupBy(pair => pair).Where(group => group.Count() > 1))
            result.AddError($"Dead-letter queue '{twice.Key.Queue}': subjects holds '{twice.Key.Subject}' twice.");

        Registered("processor", processors.Select(processor => (processor.Queue, processor.Type)));
        Registered("redrive target", targets.Select(target => (target.Queue, target.Type)));
        return result.Build();

        void Registered(string what, IEnumerable<(string Queue, Type Type)> registrations)
        {
            foreach (var group in registrations.GroupBy(registration => registration.Queue, StringComparer.Ordinal))
            {
                var types = string.Join(", ", group.Select(registration => registration.Type.Name));
                if (!options.QueueNames.Contains(group.Key))
                    result.AddError($"Dead-letter queue '{group.Key}': {what} {types} is registered for it, but no such queue is configured.");
                else if (group.Count() > 1)
                    result.AddError($"Dead-letter queue '{group.Key}': {what} is registered {group.Count()} times ({types}); it must be one.");
            }
        }
    }
}
