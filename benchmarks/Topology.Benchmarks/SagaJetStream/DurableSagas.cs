using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NATS.Client.Core;
using Topology.Saga;
using Topology.Saga.JetStream;

namespace Topology.Benchmarks.SagaJetStream;

/// <summary>Our sagas on JetStream. Whoever waits is told by an observer, after the last append.</summary>
internal sealed class DurableSagas : IAsyncDisposable, ISagaObserver
{
    private static readonly SagaDefinition<int> _definition = Define();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _ends = new();
    private readonly IHost _host;

    private DurableSagas(INatsConnection connection)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        builder.Services.AddLogging().AddSingleton(connection).AddSingleton<ISagaObserver>(this);
        builder.Services.AddTopologySaga().AddJetStreamSagaStore(options => options.Provision = SagaProvisioning.Create).AddSaga(_definition);
        _host = builder.Build();
    }

    public static async Task<DurableSagas> StartAsync(INatsConnection connection)
    {
        var sagas = new DurableSagas(connection);
        await sagas._host.StartAsync();
        return sagas;
    }

    /// <summary>Starts one saga and waits for its end.</summary>
    public async ValueTask RunAsync(string id)
    {
        var end = _ends[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await _host.Services.GetRequiredService<ISagaClient>().StartAsync(_definition, id, 7);
        await end.Task;
        _ends.TryRemove(id, out _);
    }

    public ValueTask OnAppendedAsync(SagaId id, long version, SagaEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Events[^1] is SagaEvent.Settled)
        {
            _ends[id.Value].SetResult();
        }

        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    private static SagaDefinition<int> Define()
    {
        var builder = SagaDefinition.Create<int>("bench");
        for (var step = 1; step <= JetStreamSagaArea.Steps; step++)
        {
            builder.Step($"step{step}", static (context, _) => ValueTask.FromResult(context.Input));
        }

        return builder.Build();
    }
}
