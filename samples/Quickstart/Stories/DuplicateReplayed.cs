namespace Quickstart.Stories;

internal sealed class DuplicateReplayed() : Story("duplicate-replayed")
{
    protected override async Task PlayAsync(CancellationToken cancellationToken)
    {
        var first = await PlaceOrderAsync(Subject, cancellationToken);
        var second = await PlaceOrderAsync(Subject, cancellationToken);
        Check(first.Status == 202 && !first.Replayed, $"the first answer was {first.Status}, replayed: {first.Replayed}");
        Check(second.Status == first.Status && second.Body == first.Body, $"the second answer was {second.Status} '{second.Body}', the first {first.Status} '{first.Body}'");
        Check(second.Replayed, "the second answer does not say Idempotent-Replayed: true");
        Check(Calls("order_handler").Length == 1, $"the handler ran {Calls("order_handler").Length} times");
        var status = await WaitForOrderAsync(cancellationToken);
        Check(status == "Completed", $"the saga is {status}, expected Completed");
        Result = "same answer, handler ran once";
    }
}
