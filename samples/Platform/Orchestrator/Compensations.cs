using Platform.ServiceDefaults;
using Platform.ServiceDefaults.Messages;
using Topology.Saga;

namespace Platform.Orchestrator;

internal sealed class RefundTransaction(RouterClient router) : ToolCompensation(router, "refund_transaction");

internal sealed class RestoreInventory(RouterClient router) : ToolCompensation(router, "restore_inventory");

internal sealed class SendCancellationEmail(RouterClient router) : ToolCompensation(router, "send_cancellation_email");

internal sealed class RevertCrmStatus(RouterClient router) : ToolCompensation(router, "revert_crm_status");

/// <summary>Undoes a step by a call of another tool. That tool is asked even when nobody knows whether there is something to undo.</summary>
internal abstract class ToolCompensation(RouterClient router, string tool) : ISagaCompensation<ToolResult>
{
    public async ValueTask CompensateAsync(SagaCompensationContext<ToolResult> context, CancellationToken cancellationToken)
    {
        var call = new ToolCall(context.SagaId.Value, context.Input<RunRequested>().Order, context.Result?.Value);
        try
        {
            await router.CallToolAsync(tool, context.IdempotencyKey, call, cancellationToken);
        }
        catch (ToolException failed)
        {
            // What is undone is worth another try, as often as the table says.
            throw new HttpRequestException(failed.Message, failed);
        }
    }
}
