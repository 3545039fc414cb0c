using Microsoft.Extensions.Options;

namespace Topology.Dlq.Internal;

internal sealed class JetStreamDeadLetterOptionsValidator : IValidateOptions<JetStreamDeadLetterOptions>
{
    public ValidateOptionsResult Validate(string? name, JetStreamDeadLetterOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (!Enum.IsDefined(options.Provision))
            result.AddError($"Dead letters: provision is {options.Provision}; it must be create, verify or off.");
        if (options.Replicas is < 1 or > 5)
            result.AddError($"Dead letters: replicas is {options.Replicas}; it must be 1 to 5.");
        if (options.MaxMarkBytes < 1 << 20)
            result.AddError($"Dead letters: max_mark_bytes is {options.MaxMarkBytes}; it must be 1048576 (1 MiB) or more.");
        if (options.MarkMaxAge is { } age && age < TimeSpan.FromDays(1))
            result.AddError($"Dead letters: mark_max_age is {age}; it must be 1 day or more.");
        return result.Build();
    }
}
