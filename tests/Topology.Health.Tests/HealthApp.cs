using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Topology.Health.Tests;

/// <summary>A real app on real loopback ports with the probes mapped. Sampling is quick, draining off, unless the test says otherwise.</summary>
internal sealed class HealthApp : IAsyncDisposable
{
    private HealthApp(WebApplication app)
    {
        App = app;
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        Addresses = [.. addresses.Select(static address => new Uri(address))];
        Client = new HttpClient { BaseAddress = Addresses[0] };
    }

    public WebApplication App { get; }

    public IReadOnlyList<Uri> Addresses { get; }

    public HttpClient Client { get; }

    public static async Task<HealthApp> StartAsync(
        Action<WebApplicationBuilder>? build = null, Action<HealthOptions>? configure = null, Action<WebApplication>? map = null, string urls = "http://127.0.0.1:0")
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(urls.Split(';'));
        builder.Services.AddTopologyHealth(static options =>
        {
            options.Period = TimeSpan.FromMilliseconds(100);
            options.Timeout = TimeSpan.FromMilliseconds(500);
            options.DrainDelay = TimeSpan.Zero;
        });
        if (configure is not null)
            builder.Services.Configure(configure);
        build?.Invoke(builder);
        var app = builder.Build();
        app.MapTopologyHealth();
        map?.Invoke(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new HealthApp(app);
    }

    public Task<(HttpStatusCode Code, string Status)> LiveAsync() => GetAsync("/health/live");

    public Task<(HttpStatusCode Code, string Status)> ReadyAsync() => GetAsync("/health/ready");

    public Task<(HttpStatusCode Code, string Status)> StartupAsync() => GetAsync("/health/startup");

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
    }

    private async Task<(HttpStatusCode, string)> GetAsync(string path)
    {
        using var response = await Client.GetAsync(path, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        return (response.StatusCode, body.GetProperty("status").GetString()!);
    }
}
