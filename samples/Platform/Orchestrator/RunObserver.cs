using System.Text.RegularExpressions;
using NATS.Client.Core;
using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;
using Topology.Saga;

namespace Platform.Orchestrator;

/// <summary>Tells how runs are: the state after each append that changed it, and a line of text for whoever watches.</summary>
/// <param name="services">Resolved late: the client is made of what tells its observers.</param>
internal sealed partial class RunObserver(IServiceProvider services, RunStateStore states, INatsConnection connection, TimeProvider time) : ISagaObserver
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    public async ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken)
    {
        if (id.Definition != PlatformNames.RunSaga || entry.Events.All(static change => change is SagaEvent.Claimed or SagaEvent.MessageTaken))
        {
            return;
        }

        var (run, redrive) = RunOf(id.Value);
        if (entry.Events.Select(Line).FirstOrDefault(line => line is not null) is { } text)
        {
            await connection.PublishAsync(PlatformNames.RunDeltaSubject(run), text, cancellationToken: cancellationToken);
        }

        // What it may be now is as good as what it was: states are about the latest. Without an end: a state that is not told is a client that waits.
        while (true)
        {
            try
            {
                if (await services.GetRequiredService<ISagaClient>().GetAsync(id, cancellationToken) is { } saga)
                {
                    await states.PublishAsync(StateOf(saga, run, redrive), cancellationToken);
                }

                return;
            }
            catch (Exception away) when (away is NatsException or SagaStoreException)
            {
                // Until it is told: the saga gives its item back only afterwards. When the host stops, whoever gets the item tells it.
                await Task.Delay(Pause, time, cancellationToken);
            }
        }
    }

    private static RunState StateOf(SagaSnapshot saga, string run, int redrive) => new(
        run,
        saga.Status.ToString(),
        saga.IsSettled,
        redrive,
        saga.Version,
        [.. saga.Steps.Where(step => step.Status == SagaStepStatus.Completed).Select(step => step.StepId)],
        saga.Compensated,
        saga.Failure?.StepId);

    private static string? Line(SagaEvent change) => change switch
    {
        SagaEvent.StepCompleted done => $"{done.StepId} done\n",
        SagaEvent.CompensationStarted back => $"{back.Failure.StepId} failed, going back\n",
        SagaEvent.StepCompensated undone => $"{undone.StepId} undone\n",
        _ => null,
    };

    // A run that was begun anew keeps its name for everyone outside.
    private static (string Run, int Redrive) RunOf(string saga) =>
        RedriveSuffix().Match(saga) is { Success: true } suffix
            ? (saga[..suffix.Index], int.Parse(suffix.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture))
            : (saga, 0);

    [GeneratedRegex(@"-r(\d{1,6})\z")]
    private static partial Regex RedriveSuffix();
}
