using System.Globalization;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>The sagas of one run: the run's own id, and <c>{run}-r{n}</c> for the n-th redrive that began it anew.</summary>
internal static class RunIds
{
    public static SagaId Of(string definition, string run, int redrive) =>
        new(definition, redrive == 0 ? run : string.Create(CultureInfo.InvariantCulture, $"{run}-r{redrive}"));

    /// <summary>Finds the saga that was started last; <see langword="null"/> when the run never began.</summary>
    public static async ValueTask<(SagaSnapshot Saga, int Redrive)?> FindLatestAsync(
        ISagaClient sagas, string definition, string run, int redrives, CancellationToken cancellationToken)
    {
        for (var redrive = redrives; redrive >= 0; redrive--)
        {
            if (await sagas.GetAsync(Of(definition, run, redrive), cancellationToken).ConfigureAwait(false) is { } saga)
            {
                return (saga, redrive);
            }
        }

        return null;
    }
}
