using OpenTelemetry.Metrics;
using Quickstart.Orders;
using Quickstart.Shop;
using Quickstart.Stories;
using Topology.Resilience;

var arguments = QuickstartArguments.ParseOrExit(args);
await using var servers = await LocalServers.StartAsync(arguments);
try
{
    #region topology
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
    builder.Configuration.AddTopologyYaml(arguments.Config);
    builder.Configuration["ConnectionStrings:redis"] = servers?.Redis;
    builder.Configuration["ConnectionStrings:nats"] = servers?.Nats;
    var topology = builder.Services.AddTopologyResilience(builder.Configuration)
        .AddSaga(OrderSaga.Definition)
        .AddCompensation<RefundTransaction>("refund_transaction")
        .AddCompensation<RestoreInventory>("restore_inventory")
        .AddCompensation<SendCancellationEmail>("send_cancellation_email")
        .AddCompensation<RevertCrmStatus>("revert_crm_status")
        .AddDeadLetterProcessors();
    _ = servers is null ? topology.UseInMemory() : topology.UseRedis().UseNats(nats => nats.Provision = TopologyProvisioning.Create);
    builder.Services.AddTopologyIdempotencyHttp(http => http.AllowAnonymous = true); // the sample signs nobody in
    builder.Services.AddSingleton<ShopSystems>();
    builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddTopologyInstrumentation().AddPrometheusExporter());

    await using var app = builder.AddStories().Build();
    app.UseTopologyIdempotency();
    app.MapOrders();
    app.MapTopologyHealth();
    app.MapPrometheusScrapingEndpoint();
    #endregion
    return await app.PlayStoriesAsync(arguments, servers);
}
catch (TopologyConfigurationException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}
