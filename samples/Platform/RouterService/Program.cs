using Platform.RouterService;
using Platform.ServiceDefaults;

var builder = ServiceDefaultsExtensions.CreateService(PlatformNames.RouterService, args);
builder.AddPlatformTopology(needsNats: false).UseInMemory();
builder.Services.AddSingleton<AgentTable>();
builder.Services.AddSingleton<AgentRouter>();
builder.Services.AddSingleton<Sandbox>();

var app = builder.Build();
app.MapServiceDefaults();
app.MapRouting();
app.MapSandbox();
app.Run();
