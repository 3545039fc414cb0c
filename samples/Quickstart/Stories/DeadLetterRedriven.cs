namespace Quickstart.Stories;

/// <summary>Goes on where <see cref="CompensationDeadLettered"/> ends: the cause is fixed and the letter is redriven.</summary>
internal sealed class DeadLetterRedriven() : CompensationDeadLettered("dead-letter-redriven")
{
    protected override async Task PlayAsync(CancellationToken cancellationToken)
    {
        await base.PlayAsync(cancellationToken);
        if (DeadLetters.Count == 0)
        {
            return;
        }

        Shop.Mend(Subject, "refund_transaction");
        Say("the payment system works again; an operator redrives the letter");
        var path = $"/api/v1/dead-letters/{StoryStage.CompensationQueue}/{DeadLetters[0].Id}/redrive";
        using var response = await SendAsync(HttpMethod.Post, path, null, null, cancellationToken);
        Say($"POST {path.Replace(DeadLetters[0].Id, DeadLetters[0].Id[..8], StringComparison.Ordinal)} -> {(int)response.StatusCode}");
        Check((int)response.StatusCode == 200, $"the redrive was answered with {(int)response.StatusCode}");

        // Counted before the state is read: what is read then is not older than the try that the redrive made.
        string status;
        bool triedAgain;
        do
        {
            triedAgain = Calls("refund_transaction").Length > Stage.Tries("refund_transaction");
            status = await WaitForOrderAsync(cancellationToken);
        }
        while (status == "CompensationFailed" && !triedAgain);

        Result = status;
        Check(Result == "Compensated", $"the saga is {Result}, expected Compensated");
        Check(Calls("refund_transaction") is [.., { Failed: false }], "the refund was not made");
        CheckGiven("payment_authorization", "refund_transaction", result => result.Contains("pay-", StringComparison.Ordinal));
        var left = await ListLettersAsync(cancellationToken);
        Check(left.Count == 0, $"{StoryStage.CompensationQueue} still holds {left.Count} letters of this saga");
    }
}
