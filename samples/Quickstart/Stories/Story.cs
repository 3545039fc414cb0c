using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Quickstart.Orders;
using Quickstart.Shop;

namespace Quickstart.Stories;

/// <summary>One story: what is asked over HTTP, what comes of it, and whether that is what it should be.</summary>
internal abstract class Story(string name)
{
    private readonly List<string> _problems = [];
    private readonly List<StoryRequest> _requests = [];
    private readonly long _start = Stopwatch.GetTimestamp();

    public string Name => name;

    /// <summary>What the story is about: an order's id, unique to this run.</summary>
    public string Subject { get; } = $"{name}-{Guid.NewGuid().ToString("N")[..6]}";

    protected string Result { get; set; } = "";

    protected StoryStage Stage { get; private set; } = null!;

    protected ShopSystems Shop => Stage.Shop;

    protected IReadOnlyList<string> Compensated { get; private set; } = [];

    protected List<StoryLetter> DeadLetters { get; } = [];

    public async Task<StoryFacts> PlayAsync(StoryStage stage, CancellationToken cancellationToken)
    {
        Stage = stage;
        try
        {
            await PlayAsync(cancellationToken);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            _problems.Add($"{error.GetType().Name}: {error.Message}");
        }

        return new StoryFacts(
            name, _problems.Count == 0, _problems, Math.Round(Stopwatch.GetElapsedTime(_start).TotalSeconds, 2), Result, _requests,
            StoryTry.From(Shop.Calls(Subject)), Compensated, DeadLetters);
    }

    protected abstract Task PlayAsync(CancellationToken cancellationToken);

    protected void Say(string text) => Stage.Account.Say(name, text);

    protected void Check(bool holds, string problem)
    {
        if (!holds)
        {
            _problems.Add(problem);
        }
    }

    protected async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body, string? key, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Content = body is null ? null : JsonContent.Create(body, body.GetType());
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", $"\"{key}\"");
        }

        var response = await Stage.Http.SendAsync(request, cancellationToken);
        _requests.Add(new(method.Method, path, (int)response.StatusCode));
        return response;
    }

    /// <summary>Places the order of this story and returns the answer's status, headers and bytes.</summary>
    protected async Task<(int Status, bool Replayed, string Body)> PlaceOrderAsync(string key, CancellationToken cancellationToken)
    {
        var order = new Order(Subject, "customer-7", 99.50m);
        using var response = await SendAsync(HttpMethod.Post, "/api/v1/orders", order, key, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        var replayed = response.Headers.TryGetValues("Idempotent-Replayed", out var values) && values.Contains("true");
        Say($"POST /api/v1/orders with Idempotency-Key {key} -> {(int)response.StatusCode}{(replayed ? ", replayed" : "")}");
        return ((int)response.StatusCode, replayed, body);
    }

    /// <summary>Asks for the order until its saga has settled, and returns its status.</summary>
    protected async Task<string> WaitForOrderAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            using var response = await Stage.Http.GetAsync($"/api/v1/orders/{Subject}", cancellationToken);
            var order = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
            if (order.GetProperty("settled").GetBoolean())
            {
                var status = order.GetProperty("status").GetString()!;
                Compensated = [.. order.GetProperty("compensated").EnumerateArray().Select(step => step.GetString()!)];
                Say($"GET /api/v1/orders/{Subject} -> {status}");
                return status;
            }

            await Task.Delay(50, cancellationToken); // as a client of an HTTP interface asks again
        }
    }

    protected async Task<IReadOnlyList<StoryLetter>> ListLettersAsync(CancellationToken cancellationToken)
    {
        var path = $"/api/v1/dead-letters/{StoryStage.CompensationQueue}?workflow=order_processing/{Subject}";
        var letters = await Stage.Http.GetFromJsonAsync<JsonElement>(path, cancellationToken);
        return
        [
            .. letters.EnumerateArray().Select(letter => new StoryLetter(
                StoryStage.CompensationQueue,
                letter.GetProperty("id").GetString()!,
                letter.GetProperty("reason").GetString()!,
                letter.GetProperty("action").GetString(),
                letter.GetProperty("error").GetString(),
                letter.GetProperty("attempts").GetInt32())),
        ];
    }

    protected ShopCall[] Calls(string action) => [.. Shop.Calls(Subject).Where(call => call.Action == action)];

    /// <summary>Checks that the calls were <paramref name="expected"/>, in that order.</summary>
    protected void CheckCalls(params string[] expected)
    {
        var actual = Shop.Calls(Subject).Where(call => call.Action != "order_handler").Select(call => $"{call.Action}#{call.Try}").ToArray();
        Check(expected.SequenceEqual(actual), $"the systems were asked for {string.Join(", ", actual)}; expected {string.Join(", ", expected)}");
    }

    /// <summary>Checks that the action was handed what the step it undoes had returned.</summary>
    protected void CheckGiven(string step, string action, Func<string, bool> names)
    {
        var result = Calls(step).Last(call => !call.Failed).Outcome;
        Check(Calls(action).All(call => names(result) && result.Contains(call.Given, StringComparison.Ordinal)), $"{action} was not given the result of {step}");
    }

    /// <summary>Checks the waits between the tries of an action against the profile, jitter included.</summary>
    protected void CheckWaits(string action, Topology.Retry.RetryProfileOptions profile)
    {
        var calls = Calls(action);
        for (var i = 1; i < calls.Length; i++)
        {
            var d = Math.Min(profile.BaseDelay.TotalSeconds * Math.Pow(profile.ExponentialBase, i - 1), profile.MaxDelay.TotalSeconds);
            var waited = (calls[i].At - calls[i - 1].At).TotalSeconds;
            var (low, high) = (d * (1 - profile.Jitter.Proportion), Math.Min(d * (1 + profile.Jitter.Proportion), profile.MaxDelay.TotalSeconds));

            // A busy machine may wake late, never early.
            Check(waited >= low - 0.02 && waited <= high + 5, $"{action} waited {waited:0.00} s before try {i + 1}; expected {low:0.00} to {high:0.00} s");
        }
    }
}
