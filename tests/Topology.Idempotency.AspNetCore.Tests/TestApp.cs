using System.Security.Claims;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Idempotency.AspNetCore.Tests;

/// <summary>A real server on a free loopback port. The caller is named by the headers X-Tenant and X-User, as authentication would.</summary>
internal sealed class TestApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestApp(WebApplication app, FakeTimeProvider time)
    {
        _app = app;
        Time = time;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()), Timeout = TimeSpan.FromSeconds(30) };
    }

    public FakeTimeProvider Time { get; }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<TestApp> StartAsync(
        Action<IEndpointRouteBuilder> map, Action<IdempotencyHttpOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        services?.Invoke(builder.Services);
        builder.Services.AddSingleton<TimeProvider>(time);
        builder.Services.AddTopologyIdempotencyHttp(configure).AddInMemoryIdempotencyStore();
        var app = builder.Build();
        app.Use((context, next) =>
        {
            if (context.Request.Headers["X-User"] is [{ } user])
                context.User = new ClaimsPrincipal(new ClaimsIdentity([new("sub", user), new("tenant_id", context.Request.Headers["X-Tenant"].ToString())], "test"));
            return next();
        });
        app.UseRouting();
        app.UseTopologyIdempotency();
        map(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new TestApp(app, time);
    }

    public Task<HttpResponseMessage> PostJsonAsync(string path, string json) => PostAsync(path, body: new StringContent(json, Encoding.UTF8, "application/json"));

    public Task<HttpResponseMessage> PostAsync(
        string path, string? key = "\"k1\"", string body = "{}", string user = "alice", string tenant = "acme", CancellationToken? cancellationToken = null) =>
        PostAsync(path, new StringContent(body), key, user, tenant, cancellationToken);

    public async Task<HttpResponseMessage> PostAsync(
        string path, HttpContent body, string? key = "\"k1\"", string user = "alice", string tenant = "acme", CancellationToken? cancellationToken = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body };
        if (key is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        if (user.Length > 0)
            request.Headers.Add("X-User", user);
        request.Headers.Add("X-Tenant", tenant);
        return await Client.SendAsync(request, cancellationToken ?? TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }
}
