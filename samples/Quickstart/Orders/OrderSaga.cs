using Quickstart.Shop;
using Topology.Saga;

namespace Quickstart.Orders;

/// <summary>Four steps, each a call to a system of the shop. What undoes them stands in topology.yaml.</summary>
internal static class OrderSaga
{
    public static SagaDefinition<Order> Definition { get; } = SagaDefinition.Create<Order>("order_processing", OrderJson.Default)
        .Step("payment_authorization", static (context, _) => Systems(context).DoAsync(
            context.SagaId.Value, context.StepId, context.IdempotencyKey, $"{context.Input.Amount} of {context.Input.Customer}",
            number => new Payment($"pay-{number}", context.Input.Amount)))
        .Step("inventory_reservation", static (context, _) => Systems(context).DoAsync(
            context.SagaId.Value, context.StepId, context.IdempotencyKey, context.Result<Payment>("payment_authorization").TransactionId,
            number => new Reservation($"res-{number}")))
        .Step("email_notification", static (context, _) => Systems(context).DoAsync(
            context.SagaId.Value, context.StepId, context.IdempotencyKey, context.Result<Reservation>("inventory_reservation").ReservationId,
            number => new Email($"mail-{number}")))
        .Step("crm_update", static (context, _) => Systems(context).DoAsync(
            context.SagaId.Value, context.StepId, context.IdempotencyKey, context.Input.Customer,
            number => new CrmRevision($"crm-{number}")))
        .Build();

    private static ShopSystems Systems(SagaStepContext<Order> context) => context.Services.GetRequiredService<ShopSystems>();
}
