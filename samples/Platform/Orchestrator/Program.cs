using Platform.Orchestrator;
using Platform.ServiceDefaults;
using Topology.Dlq;
using Topology.Saga;
using Topology.Saga.JetStream;

var builder = ServiceDefaultsExtensions.CreateService(PlatformNames.Orchestrator, args);
builder.AddPlatformTopology(StreamPlan.Runs, StreamPlan.RunStates)
    .UseRedis()
    .AddSaga(OrderRun.Definition)
    .AddCompensation<RefundTransaction>("refund_transaction")
    .AddCompensation<RestoreInventory>("restore_inventory")
    .AddCompensation<SendCancellationEmail>("send_cancellation_email")
    .AddCompensation<RevertCrmStatus>("revert_crm_status")
    .AddAgentRunProcessor(OrderRun.Definition);
builder.Services.Configure<JetStreamSagaOptions>(builder.Configuration.GetSection("Sagas").Bind);
builder.Services.AddGuardedConsumer<RunHandler>(PlatformNames.RunConsumer, consumer => consumer.Stream = PlatformNames.RunStream);
builder.Services.AddSourceRedriveTarget(DeadLetterQueueNames.AgentRun);
builder.Services.AddRouterClient(builder.Configuration, timeout: TimeSpan.FromSeconds(25));
builder.Services.AddSingleton<RunStateStore>();
builder.Services.AddSingleton<ISagaObserver, RunObserver>();

var app = builder.Build();
app.MapServiceDefaults();
app.MapOperations();
app.Run();
