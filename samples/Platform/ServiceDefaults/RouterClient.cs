using System.Net;
using System.Net.Http.Json;
using Platform.ServiceDefaults.Messages;

namespace Platform.ServiceDefaults;

/// <summary>Asks router-service; what fails on the way is tried again by the profile <c>api_calls</c>.</summary>
/// <param name="http">Made by the factory.</param>
public sealed class RouterClient(HttpClient http)
{
    /// <summary>Asks who is to do a task.</summary>
    /// <param name="task">The kind of task.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Decision> DecideAsync(string task, CancellationToken cancellationToken)
    {
        using var response = await SendAsync("/decide", task, JsonContent.Create(new DecisionRequest(task), PlatformJson.Default.DecisionRequest), cancellationToken);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync(PlatformJson.Default.Decision, cancellationToken))!;
    }

    /// <summary>Has a tool called.</summary>
    /// <param name="tool">The tool.</param>
    /// <param name="key">The same for each try.</param>
    /// <param name="call">What it is about.</param>
    /// <param name="cancellationToken">Ends the wait; the tool may have been called.</param>
    /// <exception cref="ToolException">The tool refused, or did not answer however often it was called.</exception>
    public async Task<ToolResult> CallToolAsync(string tool, string key, ToolCall call, CancellationToken cancellationToken)
    {
        using var response = await SendAsync($"/tools/{tool}", key, JsonContent.Create(call, PlatformJson.Default.ToolCall), cancellationToken);
        if (response.StatusCode is HttpStatusCode.UnprocessableEntity or HttpStatusCode.FailedDependency)
        {
            throw new ToolException($"{tool} answered {(int)response.StatusCode}") { IsRefusal = response.StatusCode == HttpStatusCode.UnprocessableEntity };
        }

        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync(PlatformJson.Default.ToolResult, cancellationToken))!;
    }

    // The key says that the request may be sent again.
    private Task<HttpResponseMessage> SendAsync(string path, string key, JsonContent content, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        return http.SendAsync(request, cancellationToken);
    }
}
