using System.Net.Http.Json;
using System.Text.Json;
using Quickstart.Shop;

namespace Quickstart.Stories;

internal sealed class FlakyToolRetried() : Story("flaky-tool-retried")
{
    protected override async Task PlayAsync(CancellationToken cancellationToken)
    {
        Shop.Break(Subject, "web_search", new ShopFault(Refuses: false, Times: 2));
        using var response = await SendAsync(HttpMethod.Post, $"/api/v1/tools/web_search?about={Subject}", null, null, cancellationToken);
        Say($"POST /api/v1/tools/web_search -> {(int)response.StatusCode}");
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        var attempts = answer.GetProperty("attempts").GetInt32();
        Check((int)response.StatusCode == 200, $"the tool call was answered with {(int)response.StatusCode} after {attempts} tries; it fails twice, so the third should succeed");
        Check(attempts == 3, $"the call took {attempts} tries, expected 3");
        CheckCalls("web_search#1", "web_search#2", "web_search#3");
        CheckWaits("web_search", Stage.ToolCalls);
        Result = $"answered on try {attempts}";
    }
}
