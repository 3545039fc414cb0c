using Microsoft.Extensions.Options;

namespace Topology.Saga.JetStream.Internal;

internal sealed class JetStreamSagaOptionsValidator : IValidateOptions<JetStreamSagaOptions>
{
    private const long LeastBytes = 1 << 20;

    public ValidateOptionsResult Validate(string? name, JetStreamSagaOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (!Enum.IsDefined(options.Provision))
        {
            result.AddError($"Sagas: Provision is {options.Provision}; it must be create, verify or off.");
        }

        if (options.Replicas is < 1 or > 5)
        {
            result.AddError($"Sagas: Replicas is {options.Replicas}; it must be 1 to 5.");
        }

        if (options.Prefix.Length is 0 or > 64 || !options.Prefix.Split('.').All(token => token.Length > 0 && token.All(char.IsAsciiLetterOrDigit)))
        {
            result.AddError($"Sagas: Prefix is '{options.Prefix}'; it must be 1 to 64 letters and digits, in tokens parted by dots.");
        }

        if (options.AckWait < TimeSpan.FromSeconds(1) || options.AckWait > TimeSpan.FromHours(1))
        {
            result.AddError($"Sagas: AckWait is {options.AckWait}; it must be 1 second to 1 hour.");
        }

        foreach (var (key, bytes) in new[] { ("MaxLogBytes", options.MaxLogBytes), ("MaxItemBytes", options.MaxItemBytes), ("MaxTimerBytes", options.MaxTimerBytes) })
        {
            if (bytes < LeastBytes)
            {
                result.AddError($"Sagas: {key} is {bytes}; it must be {LeastBytes} (1 MiB) or more.");
            }
        }

        return result.Build();
    }
}
