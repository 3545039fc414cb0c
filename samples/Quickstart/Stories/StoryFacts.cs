using Quickstart.Shop;

namespace Quickstart.Stories;

/// <summary>What happened in one story, as <c>--json</c> writes it.</summary>
internal sealed record StoryFacts(
    string Name,
    bool Ok,
    IReadOnlyList<string> Problems,
    double Seconds,
    string Result,
    IReadOnlyList<StoryRequest> Requests,
    IReadOnlyList<StoryTry> Tries,
    IReadOnlyList<string> Compensated,
    IReadOnlyList<StoryLetter> DeadLetters);

/// <summary>One HTTP request and its answer.</summary>
internal sealed record StoryRequest(string Method, string Path, int Status);

/// <summary>One call that a system of the shop received.</summary>
/// <param name="Action">What was asked.</param>
/// <param name="Number">How often it was asked, from 1.</param>
/// <param name="DelaySeconds">The time since the try before; <see langword="null"/> for the first.</param>
/// <param name="Given">What the caller handed over.</param>
/// <param name="Outcome">What it was told.</param>
/// <param name="Failed">Whether that was a failure.</param>
internal sealed record StoryTry(string Action, int Number, double? DelaySeconds, string Given, string Outcome, bool Failed)
{
    public static IReadOnlyList<StoryTry> From(IReadOnlyList<ShopCall> calls) =>
    [
        .. calls.Select(call => new StoryTry(
            call.Action,
            call.Try,
            calls.LastOrDefault(earlier => earlier.Action == call.Action && earlier.Try == call.Try - 1) is { } last
                ? Math.Round((call.At - last.At).TotalSeconds, 3)
                : null,
            call.Given,
            call.Outcome,
            call.Failed)),
    ];
}

/// <summary>One letter as the operator's list showed it.</summary>
internal sealed record StoryLetter(string Queue, string Id, string Reason, string? Action, string? Error, int Attempts);
