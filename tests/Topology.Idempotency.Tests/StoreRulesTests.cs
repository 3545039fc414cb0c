using Topology.Idempotency.Tests.Conformance;

namespace Topology.Idempotency.Tests;

public sealed class StoreRulesTests
{
    public static TheoryData<string> Broken => [.. BrokenStores.All.Keys];

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task A_broken_store_is_rejected_by_the_rule_it_breaks(string store)
    {
        var rule = BrokenStores.All[store].Rule;

        var failure = await Record.ExceptionAsync(() => StoreRules.All[rule](BrokenStores.Make(store)));

        Assert.True(failure is Xunit.Sdk.IAssertionException or TimeoutException, $"'{rule}' accepts the store '{store}': {failure}");
    }

    [Fact]
    public void Fourteen_broken_stores_and_more_are_rejected() => Assert.True(BrokenStores.All.Count >= 14);
}
