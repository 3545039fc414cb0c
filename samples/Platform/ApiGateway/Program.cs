using Platform.ApiGateway;
using Platform.ServiceDefaults;

var builder = ServiceDefaultsExtensions.CreateService(PlatformNames.ApiGateway, args);
builder.AddPlatformTopology(StreamPlan.Runs, StreamPlan.RunStates, StreamPlan.Documents).UseRedis();
builder.Services.AddTenants();
builder.Services.AddRouterClient(builder.Configuration, timeout: TimeSpan.FromSeconds(10));
builder.Services.AddSingleton<WorkPublisher>();
builder.Services.AddSingleton<RunStateStore>();

var app = builder.Build();
app.MapServiceDefaults();
app.UseRateLimiter();
app.UseTopologyIdempotency();
app.MapRuns();
app.MapDocuments();
app.Run();
