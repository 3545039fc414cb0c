using Platform.Ingestion;
using Platform.ServiceDefaults;
using Topology.Dlq;

var builder = ServiceDefaultsExtensions.CreateService(PlatformNames.Ingestion, args);
builder.AddPlatformTopology(StreamPlan.Documents).UseRedis();
builder.Services.Configure<DeadLetterOptions>(letters => letters.QueueNames.Add(PlatformNames.IngestDeadLetters));
builder.Services.AddGuardedConsumer<DocumentHandler>(PlatformNames.IngestConsumer, consumer =>
{
    consumer.Stream = PlatformNames.IngestStream;
    consumer.Queue = PlatformNames.IngestDeadLetters;
});
builder.Services.AddSourceRedriveTarget(PlatformNames.IngestDeadLetters);
builder.Services.AddSingleton<ChunkStore>();

var app = builder.Build();
app.MapServiceDefaults();
app.MapGet("/documents/{id}", (string id, ChunkStore chunks, CancellationToken cancellationToken) => chunks.ReadAsync(id, cancellationToken));
app.Run();
