using OpenTelemetry.Metrics;
using Quickstart.Orders;
using Quickstart.Shop;
using Quickstart.Stories;
using Topology.Resilience;

var arguments = QuickstartArguments.ParseOrExit(args);
try
{
    #region topology
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
    builder.Configuration.AddTopologyYaml(arguments.Config);
    builder.Services.AddTopologyResilience(builder.Configuration)
        .UseInMemory()
        .AddSaga(OrderSaga.Definition)
        .AddCompensation<RefundTransaction>("refund_transaction")
        .AddCompensation<RestoreInventory>("restore_inventory")
        .AddCompensation<SendCancellationEmail>("send_cancellation_email")
        .AddCompensation<RevertCrmStatus>("revert_crm_status")
        .AddDeadLetterProcessors();
    builder.Services.AddTopologyIdempotencyHttp(http => http.AllowAnonymous = true); // the sample signs nobody in
    builder.Services.AddSingleton<ShopSystems>();
    builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter("Topology.*").AddPrometheusExporter());

    await using var app = builder.AddStories().Build();
    app.UseTopologyIdempotency();
    app.MapOrders();
    app.MapTopologyHealth();
    app.MapPrometheusScrapingEndpoint();
    #endregion
    return await app.PlayStoriesAsync(arguments);
}
catch (TopologyConfigurationException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}
