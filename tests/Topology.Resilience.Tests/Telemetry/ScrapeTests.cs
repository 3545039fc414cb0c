using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Tests.Telemetry;

/// <summary>What the OpenTelemetry Prometheus exporter makes of the instruments: its names are the contract, not ours.</summary>
public sealed class ScrapeTests
{
    private static readonly SagaDefinition<string> s_definition = SagaDefinition.Create<string>("scraped", TestJson.Default)
        .Step("pay", static (_, _) => ValueTask.FromResult("paid"))
        .Step("ship", static ValueTask<string> (_, _) => throw new SagaRejectedException("out of stock"))
        .Build();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("text/plain", "")]
    [InlineData("application/openmetrics-text", "application/openmetrics-text")]
    public async Task The_specifications_metrics_are_scraped_under_their_own_names_and_types(string format, string accept)
    {
        await using var app = await StartAsync();
        await UseEverythingAsync(app.Services);
        var scrape = await ScrapeAsync(app, format, accept, text => text.Contains("queue_depth{", StringComparison.Ordinal));
        foreach (var (name, type) in new[]
        {
            ("retry_total", "counter"), ("idempotency_hits_total", "counter"), ("saga_compensations_total", "counter"), ("dlq_messages_total", "counter"), ("queue_depth", "gauge"),
        })
        {
            // OpenMetrics names a counter's family without the ending its samples have.
            var family = accept.Length > 0 && type == "counter" ? name[..^"_total".Length] : name;
            Assert.Contains($"# TYPE {family} {type}\n", scrape, StringComparison.Ordinal);
            Assert.Contains($"\n{name}{{", scrape, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("_total_total", scrape, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scrape_asks_no_store_for_anything()
    {
        var calls = new ConcurrentQueue<string>();
        await using var app = await StartAsync(services =>
        {
            services.Configure<DeadLetterOptions>(options => options.SampleInterval = TimeSpan.FromHours(1));
            Counting<IDeadLetterQueueProvider>.Wrap(services, calls);
            Counting<IIdempotencyStore>.Wrap(services, calls);
            Counting<ISagaJournal>.Wrap(services, calls);
        });
        await UseEverythingAsync(app.Services);
        Assert.Contains("AppendAsync", calls);
        await ScrapeAsync(app, "text/plain", "", text => text.Split('\n').Count(line => line.StartsWith("queue_depth{", StringComparison.Ordinal)) == 3);
        var before = calls.Count;
        for (var i = 0; i < 20; i++)
            await ScrapeAsync(app, "text/plain", "", text => text.Contains("queue_depth{", StringComparison.Ordinal));
        Assert.Equal(before, calls.Count);
        Assert.Equal(3, calls.Count(call => call == "SampleAsync")); // one a queue, by the sampler when the host started
    }

    private static async Task<WebApplication> StartAsync(Action<IServiceCollection>? more = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration["Topology:retry_config:default:base_delay"] = "1ms";
        builder.Configuration["Topology:saga_compensations:scraped:steps:0:step_id"] = "pay";
        builder.Configuration["Topology:saga_compensations:scraped:steps:0:compensation_action:type"] = "refund";
        builder.Configuration["Topology:saga_compensations:scraped:steps:0:compensation_action:retry_count"] = "0";
        builder.Services.AddTopologyResilience(builder.Configuration)
            .UseInMemory()
            .AddSaga(s_definition)
            .AddCompensation<Refund>("refund");
        builder.Services.Configure<Health.HealthOptions>(health => health.DrainDelay = TimeSpan.Zero); // nobody sends work here
        builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddTopologyInstrumentation().AddPrometheusExporter(options => options.ScrapeResponseCacheDurationMilliseconds = 0));
        more?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapPrometheusScrapingEndpoint();
        await app.StartAsync(Token);
        return app;
    }

    /// <summary>A retry, a replay, and a compensation that fails and becomes a letter.</summary>
    private static async Task UseEverythingAsync(IServiceProvider services)
    {
        var tries = 0;
        await services.GetRequiredService<IRetryPolicies>().Get("default")
            .ExecuteAsync(_ => ++tries == 1 ? throw new TimeoutException() : ValueTask.FromResult(tries), Token);
        var executor = services.GetRequiredService<IIdempotentExecutor>();
        for (var i = 0; i < 2; i++)
            await executor.ExecuteAsync(IdempotencyRecordKey.Internal("t", "u", "o", "k"), RequestFingerprint.None, (_, _) => ValueTask.FromResult(new StoredResult()), null, Token);
        var sagas = services.GetRequiredService<ISagaClient>();
        var id = await sagas.StartAsync(s_definition, "one", "input", cancellationToken: Token);
        Assert.Equal(SagaStatus.CompensationFailed, (await sagas.WaitAsync(id, Token)).Status);
    }

    private static async Task<string> ScrapeAsync(WebApplication app, string format, string accept, Func<string, bool> wanted)
    {
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        return await Until.Value(
            async () =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
                if (accept.Length > 0)
                    request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
                using var response = await http.SendAsync(request, Token);
                Assert.Equal(format, response.Content.Headers.ContentType!.MediaType);
                return await response.Content.ReadAsStringAsync(Token);
            },
            wanted,
            cancellationToken: Token);
    }

    private sealed class Refund : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken) => throw new HttpRequestException("503");
    }

    /// <summary>Stands before a store and notes every call.</summary>
#pragma warning disable CA1852 // the runtime derives from it
    private class Counting<T> : DispatchProxy
#pragma warning restore CA1852
        where T : class
    {
        private T _inner = null!;
        private ConcurrentQueue<string> _calls = null!;

        public static void Wrap(IServiceCollection services, ConcurrentQueue<string> calls)
        {
            var store = services.Last(service => service.ServiceType == typeof(T));
            services.AddSingleton(provider =>
            {
                var proxy = Create<T, Counting<T>>();
                var counting = (Counting<T>)(object)proxy;
                counting._inner = (T)(store.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, store.ImplementationType!));
                counting._calls = calls;
                return proxy;
            });
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            _calls.Enqueue(targetMethod!.Name);
            return targetMethod.Invoke(_inner, args);
        }
    }
}
