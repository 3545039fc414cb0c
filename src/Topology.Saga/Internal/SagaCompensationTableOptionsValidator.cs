using Microsoft.Extensions.Options;

namespace Topology.Saga.Internal;

internal sealed class SagaCompensationTableOptionsValidator : IValidateOptions<SagaCompensationTableOptions>
{
    private static readonly TimeSpan _longestTimeout = TimeSpan.FromDays(1);

    public ValidateOptionsResult Validate(string? name, SagaCompensationTableOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        foreach (var (row, index) in options.Steps.Select((row, index) => (row, index)))
        {
            var where = $"saga_compensations.{name}.steps[{index}]";
            var action = row.CompensationAction;
            if (row.StepId.Length == 0)
            {
                result.AddError($"{where}.step_id is empty; name the step it undoes.");
            }

            if (action.Type.Length == 0)
            {
                result.AddError($"{where}.compensation_action.type is empty; name a registered action.");
            }

            if (action.Timeout < TimeSpan.FromMilliseconds(1) || action.Timeout > _longestTimeout)
            {
                result.AddError($"{where}.compensation_action.timeout is {action.Timeout}; it must be 1 ms to 1 day.");
            }

            if (action.RetryCount is < 0 or > 100)
            {
                result.AddError($"{where}.compensation_action.retry_count is {action.RetryCount}; it must be 0 to 100.");
            }

            if (!Enum.IsDefined(action.OnFailure))
            {
                result.AddError($"{where}.compensation_action.on_failure is {action.OnFailure}; it must be continue or halt.");
            }
        }

        foreach (var duplicate in options.Steps.GroupBy(row => row.StepId, StringComparer.Ordinal).Where(group => group.Count() > 1))
        {
            result.AddError($"saga_compensations.{name}: step_id '{duplicate.Key}' is there {duplicate.Count()} times; one row a step.");
        }

        return result.Build();
    }
}
