using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;
using Topology.Saga;

namespace Platform.Orchestrator;

/// <summary>What a run does: four steps, each the call of a tool. What undoes them stands in topology.yaml.</summary>
internal static class OrderRun
{
    public static SagaDefinition<RunRequested> Definition { get; } = SagaDefinition.Create<RunRequested>(PlatformNames.RunSaga, PlatformJson.Default)
        .Step("payment_authorization", CallToolAsync)
        .Step("inventory_reservation", CallToolAsync)
        .Step("email_notification", CallToolAsync)
        .Step("crm_update", CallToolAsync)
        .Build();

    private static async ValueTask<ToolResult> CallToolAsync(SagaStepContext<RunRequested> context, CancellationToken cancellationToken)
    {
        var router = context.Services.GetRequiredService<RouterClient>();
        try
        {
            return await router.CallToolAsync(
                context.StepId, context.IdempotencyKey, new ToolCall(context.SagaId.Value, context.Input.Order), cancellationToken);
        }
        catch (ToolException refused) when (refused.IsRefusal)
        {
            throw new SagaRejectedException(refused.Message, refused); // nothing was done, so this step is not undone
        }
    }
}
