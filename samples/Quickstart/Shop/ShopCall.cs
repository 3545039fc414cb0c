namespace Quickstart.Shop;

/// <summary>One call a system of the shop has received.</summary>
/// <param name="Subject">The order, or another name of what it was about.</param>
/// <param name="Action">What was asked.</param>
/// <param name="Try">How often this was asked for this subject, from 1.</param>
/// <param name="At">When, since the systems were started.</param>
/// <param name="Given">What the caller handed over.</param>
/// <param name="Outcome">What it was told.</param>
/// <param name="Failed">Whether that was a failure.</param>
internal sealed record ShopCall(string Subject, string Action, int Try, TimeSpan At, string Given, string Outcome, bool Failed);
