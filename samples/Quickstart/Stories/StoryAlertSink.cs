using Topology.Dlq;

namespace Quickstart.Stories;

/// <summary>Where an app would page somebody: the account says that it would.</summary>
internal sealed class StoryAlertSink(Account account) : IDeadLetterAlertSink
{
    public string Name => "account";

    public ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
    {
        account.Say("(alert)", $"{alert.Queue}: {alert.Reason} in {alert.WorkflowId}, {alert.ErrorMessage}");
        return default;
    }
}
