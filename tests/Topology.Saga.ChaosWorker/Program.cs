using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Topology.Saga;
using Topology.Saga.ChaosWorker;

// A process that runs sagas, to be killed and stopped: dotnet Topology.Saga.ChaosWorker.dll SAGA-URL BANK-URL NAME, or
// SAGA-URL errands|stuck LEASE-IN-SECONDS
var builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders();
builder.Services.AddSingleton<INatsConnection>(Connect(args[0]));
if (args[1] is "errands" or "stuck")
{
    builder.Services.AddErrands(TimeSpan.FromSeconds(int.Parse(args[2], CultureInfo.InvariantCulture)), isStuck: args[1] == "stuck");
    await builder.Build().RunAsync();
    return;
}

builder.Services.AddSingleton(new Bank(Connect(args[1])));
builder.Services.AddSingleton<ISagaObserver>(new Teller(Connect(args[0]), args[2]));
builder.Services.AddTransfers();
await builder.Build().RunAsync();

static NatsConnection Connect(string url) => new(NatsOpts.Default with
{
    Url = url,
    MaxReconnectRetry = -1,
    ReconnectWaitMin = TimeSpan.FromMilliseconds(20),
    ReconnectWaitMax = TimeSpan.FromMilliseconds(100),
});

/// <summary>Writes down who told of which entry, so that the journals can be held against it: <c>TOLD.{saga}.{version}</c> = name.</summary>
internal sealed class Teller(NatsConnection connection, string name) : ISagaObserver
{
    private readonly NatsJSContext _jetStream = new(connection);

    public async ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken) => await _jetStream.PublishAsync(
        string.Create(CultureInfo.InvariantCulture, $"TOLD.{id.Value}.{version}"), Encoding.UTF8.GetBytes(name), cancellationToken: cancellationToken);
}
