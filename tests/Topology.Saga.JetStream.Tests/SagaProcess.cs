using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using Topology.Retry;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>One process with sagas on JetStream, in this one.</summary>
internal sealed class SagaProcess : IAsyncDisposable
{
    private readonly IHost _host;
    private bool _stopped;

    private SagaProcess(IHost host) => _host = host;

    public ISagaClient Client => Get<ISagaClient>();

    public ISagaJournal Journal => Get<ISagaJournal>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<SagaProcess> StartAsync(
        INatsConnection connection, string prefix, SagaDefinition? definition = null, Action<JetStreamSagaOptions>? configure = null, Action<IServiceCollection>? more = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None)).AddSingleton(connection);
        JetStreamSagas.Add(builder.Services, prefix, options =>
        {
            options.AckWait = TimeSpan.FromSeconds(1);
            configure?.Invoke(options);
        });
        builder.Services.AddTopologySaga();
        builder.Services.Configure<RetryProfileOptions>(RetryProfileNames.Default, profile => profile.BaseDelay = TimeSpan.FromMilliseconds(20));
        if (definition is not null)
        {
            builder.Services.AddSaga(definition);
        }

        more?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync(Token);
        return new(host);
    }

    public T Get<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    public async Task<SagaSnapshot> UntilAsync(SagaId id, SagaStatus status, TimeSpan? within = null) =>
        (await Until.Value(async () => await Client.GetAsync(id, Token), saga => saga?.Status == status, within ?? TimeSpan.FromSeconds(60), Token))!;

    public async Task<List<SagaEvent>> EventsAsync(SagaId id) => [.. (await Journal.ReadAsync(id, 0, Token)).SelectMany(stored => stored.Entry.Events)];

    /// <summary>Returns what a check of this package says: its code, or nothing.</summary>
    public async Task<(HealthStatus Status, string? Code, IReadOnlyDictionary<string, object> Data)> CheckAsync(HealthCheckRegistration registration)
    {
        var check = registration.Factory(_host.Services);
        var result = await check.CheckHealthAsync(new() { Registration = registration }, Token);
        return (result.Status, result.Description, result.Data);
    }

    public async Task StopAsync()
    {
        _stopped = true;
        await _host.StopAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_stopped)
        {
            await _host.StopAsync(CancellationToken.None);
        }

        _host.Dispose();
    }
}
