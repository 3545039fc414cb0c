using Platform.Realtime;
using Platform.ServiceDefaults;

var builder = ServiceDefaultsExtensions.CreateService(PlatformNames.Realtime, args);
builder.AddPlatformTopology(StreamPlan.RunStates).UseInMemory();
builder.Services.AddSingleton(RealtimeOptions.From(builder.Configuration));
builder.Services.AddSingleton<RunStateStore>();
builder.Services.AddSingleton<RealtimeMetrics>().ActivateSingleton<RealtimeMetrics>(); // its gauges show nothing from the start
builder.Services.AddSingleton<TopicHub>();
builder.Services.AddSingleton<Connections>();
builder.Services.AddSingleton<StateFeed>().AddHostedService(provider => provider.GetRequiredService<StateFeed>());
builder.Services.AddHostedService<DeltaFeed>();

var app = builder.Build();
app.MapServiceDefaults();
app.MapSockets();
app.Run();
