using Platform.RouterService;
using Platform.ServiceDefaults;
using Topology.Resilience;

var builder = ServiceDefaultsExtensions.CreateService(PlatformNames.RouterService, args);
builder.AddTopologyResilience().UseInMemory(); // it keeps nothing: neither NATS nor Redis is needed to decide
builder.Services.AddSingleton<AgentTable>();
builder.Services.AddSingleton<AgentRouter>();
builder.Services.AddSingleton<Sandbox>();

var app = builder.Build();
app.MapServiceDefaults();
app.MapRouting();
app.MapSandbox();
app.Run();
