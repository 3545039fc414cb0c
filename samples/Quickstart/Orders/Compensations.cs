using Quickstart.Shop;
using Topology.Saga;

namespace Quickstart.Orders;

internal sealed class RefundTransaction(ShopSystems shop) : ISagaCompensation<Payment>
{
    public ValueTask CompensateAsync(SagaCompensationContext<Payment> context, CancellationToken cancellationToken) =>
        shop.UndoAsync(context.SagaId.Value, "refund_transaction", context.IdempotencyKey, context.Result?.TransactionId);
}

internal sealed class RestoreInventory(ShopSystems shop) : ISagaCompensation<Reservation>
{
    public ValueTask CompensateAsync(SagaCompensationContext<Reservation> context, CancellationToken cancellationToken) =>
        shop.UndoAsync(context.SagaId.Value, "restore_inventory", context.IdempotencyKey, context.Result?.ReservationId);
}

internal sealed class SendCancellationEmail(ShopSystems shop) : ISagaCompensation<Email>
{
    public ValueTask CompensateAsync(SagaCompensationContext<Email> context, CancellationToken cancellationToken) =>
        shop.UndoAsync(context.SagaId.Value, "send_cancellation_email", context.IdempotencyKey, context.Result?.MessageId);
}

internal sealed class RevertCrmStatus(ShopSystems shop) : ISagaCompensation<CrmRevision>
{
    public ValueTask CompensateAsync(SagaCompensationContext<CrmRevision> context, CancellationToken cancellationToken) =>
        shop.UndoAsync(context.SagaId.Value, "revert_crm_status", context.IdempotencyKey, context.Result?.RevisionId);
}
