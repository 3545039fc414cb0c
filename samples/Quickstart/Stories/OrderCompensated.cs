using Quickstart.Shop;

namespace Quickstart.Stories;

internal sealed class OrderCompensated() : Story("order-compensated")
{
    protected override async Task PlayAsync(CancellationToken cancellationToken)
    {
        Shop.Break(Subject, "crm_update", new ShopFault(Refuses: true));
        await PlaceOrderAsync(Subject, cancellationToken);
        Result = await WaitForOrderAsync(cancellationToken);
        Check(Result == "Compensated", $"the saga is {Result}, expected Compensated");
        CheckCalls(
            "payment_authorization#1", "inventory_reservation#1", "email_notification#1", "crm_update#1",
            "send_cancellation_email#1", "restore_inventory#1", "refund_transaction#1");
        Check(
            Compensated.SequenceEqual(["email_notification", "inventory_reservation", "payment_authorization"]),
            $"compensated: {string.Join(", ", Compensated)}");
        CheckGiven("email_notification", "send_cancellation_email", result => result.Contains("mail-", StringComparison.Ordinal));
        CheckGiven("inventory_reservation", "restore_inventory", result => result.Contains("res-", StringComparison.Ordinal));
        CheckGiven("payment_authorization", "refund_transaction", result => result.Contains("pay-", StringComparison.Ordinal));
    }
}
