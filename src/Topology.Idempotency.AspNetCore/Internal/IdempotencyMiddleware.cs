using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Topology.Idempotency.AspNetCore.Internal;

/// <summary>Reads the key, claims it, and runs the endpoint or answers from its record.</summary>
/// <remarks>
/// A middleware, not an endpoint filter: a filter sees result objects, and only bytes can be replayed faithfully.
/// </remarks>
internal sealed class IdempotencyMiddleware(
    RequestDelegate next,
    IIdempotentExecutor executor,
    IOptions<IdempotencyHttpOptions> options,
    IServiceProvider services,
    ILogger<IdempotencyMiddleware> logger)
{
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StoreRetryAfter = TimeSpan.FromSeconds(5);

    private readonly IdempotencyHttpOptions _options = options.Value;
    private readonly IIdempotencyScopeResolver _scopes = services.GetService<IIdempotencyScopeResolver>() ?? new ClaimsScopeResolver(options);
    private readonly ConditionalWeakTable<Endpoint, Settings> _settings = [];

    public Task InvokeAsync(HttpContext context)
    {
        var endpoint = context.GetEndpoint();
        if (endpoint?.Metadata.GetMetadata<IIdempotencyMetadata>() is null || IsSafe(context.Request.Method))
            return next(context);
        return HandleAsync(context, _settings.GetValue(endpoint, Settings.Of).Value);
    }

    private async Task HandleAsync(HttpContext context, IdempotencyEndpoint endpoint)
    {
        if (!context.Request.Headers.TryGetValue(_options.HeaderName, out var header))
        {
            await (endpoint.KeyRequired ? RefuseAsync(context, Problem.KeyMissing) : next(context)).ConfigureAwait(false);
            return;
        }

        if (!KeyHeader.TryRead(header, _options.RequireQuotedKey, _options.MaxKeyLength, out var clientKey))
        {
            await RefuseAsync(context, Problem.KeyMalformed).ConfigureAwait(false);
            return;
        }

        if (await _scopes.ResolveAsync(context).ConfigureAwait(false) is not { } scope)
        {
            await RefuseAsync(context, Problem.ScopeMissing).ConfigureAwait(false);
            return;
        }

        var key = IdempotencyRecordKey.ForClientKey(scope.Tenant, scope.User, endpoint.Operation!, clientKey);
        if (endpoint.RequireTimedKeys && key.Time is null)
        {
            await RefuseAsync(context, Problem.KeyUntimed).ConfigureAwait(false);
            return;
        }

        using var body = await RequestBody.ReadAsync(context, endpoint.MaxRequestBytes).ConfigureAwait(false);
        if (body is null)
        {
            await RefuseAsync(context, Problem.BodyTooLarge).ConfigureAwait(false);
            return;
        }

        await ExecuteAsync(context, endpoint, key, body.Fingerprint()).ConfigureAwait(false);
    }

    private async Task ExecuteAsync(HttpContext context, IdempotencyEndpoint endpoint, IdempotencyRecordKey key, RequestFingerprint fingerprint)
    {
        using var response = CapturedResponse.Create(context, endpoint.Policy.MaxResultBytes);
        var started = false;
        IdempotentOutcome<StoredResult> outcome;
        try
        {
            // A client that goes away does not stop the work: its retry is answered from the record.
            outcome = await executor.ExecuteAsync(
                key,
                fingerprint,
                (work, token) =>
                {
                    started = true;
                    return RunAsync(context, endpoint, response, work, token);
                },
                endpoint.Policy,
                CancellationToken.None).ConfigureAwait(false);
        }
        catch (IdempotencyStoreException e) when (!started)
        {
            Log.StoreDown(logger, endpoint.Operation!, e);
            await RefuseAsync(context, Problem.StoreDown, StoreRetryAfter).ConfigureAwait(false);
            return;
        }

        switch (outcome.Status)
        {
            case IdempotentStatus.Executed when !response.IsStreamed:
                await SendAsync(context, response.Body).ConfigureAwait(false);
                break;
            case IdempotentStatus.Executed or IdempotentStatus.LeaseLost when response.IsStreamed:
                break;
            case IdempotentStatus.LeaseLost:
                // Another owner's response counts; the retry gets that one.
                context.Response.Clear();
                await RefuseAsync(context, Problem.InProgress, TimeSpan.FromSeconds(1)).ConfigureAwait(false);
                break;
            case IdempotentStatus.Replayed:
                await ReplayAsync(context, outcome.Value!).ConfigureAwait(false);
                break;
            default:
                await RefuseAsync(context, ProblemOf(outcome.Status), outcome.RetryAfter).ConfigureAwait(false);
                break;
        }
    }

    private async ValueTask<StoredResult> RunAsync(
        HttpContext context, IdempotencyEndpoint endpoint, CapturedResponse response, IdempotencyContext work, CancellationToken cancellationToken)
    {
        var aborted = context.RequestAborted;
        context.RequestAborted = cancellationToken;
        context.Features.Set<IHttpResponseBodyFeature>(response);
        context.Features.Set(work);
        try
        {
            await next(context).ConfigureAwait(false);
            await response.CompleteAsync().ConfigureAwait(false);
        }
        finally
        {
            context.Features.Set(response.Inner);
            context.RequestAborted = aborted;
        }

        var status = context.Response.StatusCode;
        if (!endpoint.ShouldStore(status))
            work.Disposition ??= status >= 500 && endpoint.Policy.OnAbandoned == AbandonedClaim.Quarantine ? ResultDisposition.Unknown : ResultDisposition.Release;
        else if (response.IsStreamed)
            work.Disposition ??= ResultDisposition.Tombstone;

        return new StoredResult { Status = status, Headers = HeadersToReplay(context.Response.Headers, endpoint.ReplayedHeaders), Body = response.Body };
    }

    private static List<KeyValuePair<string, string>> HeadersToReplay(IHeaderDictionary headers, IReadOnlyList<string> names)
    {
        List<KeyValuePair<string, string>> found = [];
        for (var i = 0; i < names.Count; i++)
        {
            foreach (var value in headers[names[i]])
                found.Add(new(names[i], value ?? ""));
        }

        return found;
    }

    private static async Task ReplayAsync(HttpContext context, StoredResult stored)
    {
        context.Response.StatusCode = stored.Status;
        foreach (var (name, value) in stored.Headers)
            context.Response.Headers.Append(name, value);
        context.Response.Headers["Idempotent-Replayed"] = "true";
        await SendAsync(context, stored.Body).ConfigureAwait(false);
    }

    private static async Task SendAsync(HttpContext context, ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
            return;
        context.Response.ContentLength ??= body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task RefuseAsync(HttpContext context, Problem problem, TimeSpan retryAfter = default)
    {
        var response = context.Response;
        response.StatusCode = problem.Status;
        response.ContentType = "application/problem+json";
        if (problem.Retryable)
        {
            var seconds = Math.Ceiling(Math.Clamp(retryAfter.TotalSeconds, 1, LongestRetryAfter.TotalSeconds));
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (_options.DocumentationUrl is { } url)
            response.Headers.Append("Link", $"<{url.OriginalString}>; rel=\"describedby\"; type=\"text/html\"");

        var bytes = new System.Buffers.ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("type", _options.ProblemTypeBase + problem.Slug);
            json.WriteString("title", problem.Title);
            json.WriteNumber("status", problem.Status);
            json.WriteString("detail", problem.Detail);
            json.WriteBoolean("retryable", problem.Retryable);
            json.WriteEndObject();
        }

        await SendAsync(context, bytes.WrittenMemory).ConfigureAwait(false);
    }

    private static Problem ProblemOf(IdempotentStatus status) => status switch
    {
        IdempotentStatus.InProgress => Problem.InProgress,
        IdempotentStatus.Mismatch => Problem.Mismatch,
        IdempotentStatus.ResultNotKept => Problem.ResultNotKept,
        IdempotentStatus.Sealed => Problem.Sealed,
        IdempotentStatus.OutOfTolerance => Problem.KeyOutOfTolerance,
        IdempotentStatus.Corrupt => Problem.Corrupt,
        _ => Problem.Indeterminate,
    };

    private static bool IsSafe(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsTrace(method);

    private sealed class Settings(IdempotencyEndpoint value)
    {
        public IdempotencyEndpoint Value { get; } = value;

        public static Settings Of(Endpoint endpoint)
        {
            var settings = new IdempotencyEndpoint();
            foreach (var metadata in endpoint.Metadata.GetOrderedMetadata<IIdempotencyMetadata>())
                settings = metadata.Apply(settings);
            var methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods;
            var route = (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? endpoint.DisplayName ?? "/";
            var operation = $"{string.Join(',', methods ?? [])} {route}";
            if (operation.Length * 3 > IdempotencyKey.MaxPartLength) // as long as it can get once escaped
                operation = RequestFingerprint.Compute(System.Text.Encoding.UTF8.GetBytes(operation)).ToString();
            return new Settings(settings with { Operation = settings.Operation ?? operation });
        }
    }
}
