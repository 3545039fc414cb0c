using Quickstart.Shop;

namespace Quickstart.Stories;

internal class CompensationDeadLettered(string name = "compensation-dead-lettered") : Story(name)
{
    protected override async Task PlayAsync(CancellationToken cancellationToken)
    {
        Shop.Break(Subject, "crm_update", new ShopFault(Refuses: true));
        Shop.Break(Subject, "refund_transaction", new ShopFault(Refuses: false));
        await PlaceOrderAsync(Subject, cancellationToken);
        Result = await WaitForOrderAsync(cancellationToken);
        Check(Result == "CompensationFailed", $"the saga is {Result}, expected CompensationFailed");

        var tries = Stage.Tries("refund_transaction");
        Check(Calls("refund_transaction").Length == tries, $"the refund was tried {Calls("refund_transaction").Length} times, expected {tries}");
        CheckWaits("refund_transaction", Stage.DefaultProfile);
        Check(
            Compensated.SequenceEqual(["email_notification", "inventory_reservation"]),
            $"a failed refund must not keep the others from being undone; compensated: {string.Join(", ", Compensated)}");

        DeadLetters.AddRange(await ListLettersAsync(cancellationToken));
        Check(
            DeadLetters is [{ Reason: "compensation-exhausted", Action: "refund_transaction" }] && DeadLetters[0].Attempts == tries,
            $"{StoryStage.CompensationQueue} holds {string.Join(", ", DeadLetters)}");
        foreach (var letter in DeadLetters)
        {
            Say($"{letter.Queue} holds letter {letter.Id[..8]}: {letter.Action} failed {letter.Attempts} times, {letter.Error}");
        }
    }
}
