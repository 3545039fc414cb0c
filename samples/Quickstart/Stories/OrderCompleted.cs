namespace Quickstart.Stories;

internal sealed class OrderCompleted() : Story("order-completed")
{
    protected override async Task PlayAsync(CancellationToken cancellationToken)
    {
        var (status, replayed, _) = await PlaceOrderAsync(Subject, cancellationToken);
        Check(status == 202 && !replayed, $"the order was answered with {status}, replayed: {replayed}");
        Result = await WaitForOrderAsync(cancellationToken);
        Check(Result == "Completed", $"the saga is {Result}, expected Completed");
        CheckCalls("payment_authorization#1", "inventory_reservation#1", "email_notification#1", "crm_update#1");
    }
}
