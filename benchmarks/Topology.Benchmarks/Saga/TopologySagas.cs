using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Topology.Saga;

namespace Topology.Benchmarks.Saga;

/// <summary>Our sagas, on the store that lives in the process. Its history grows with each saga, as that of a process does.</summary>
internal sealed class TopologySagas : IAsyncDisposable
{
    private static readonly SagaDefinition<int> _ok = Define("ok", fails: false);
    private static readonly SagaDefinition<int> _failing = Define("failing", fails: true);
    private readonly IHost _host;

    private TopologySagas(IHost host)
    {
        _host = host;
        Client = host.Services.GetRequiredService<ISagaClient>();
    }

    private ISagaClient Client { get; }

    public static async Task<TopologySagas> StartAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        builder.Services.AddLogging().AddTopologySaga().AddInMemorySagaStore().AddSaga(_ok).AddSaga(_failing).AddSagaCompensation<Undo>("undo");
        builder.Services.Configure<SagaCompensationTableOptions>(_failing.Name, table =>
        {
            foreach (var step in _failing.StepIds)
            {
                table.Steps.Add(new() { StepId = step, CompensationAction = new() { Type = "undo" } });
            }
        });
        var host = builder.Build();
        await host.StartAsync();
        return new TopologySagas(host);
    }

    /// <summary>Starts one saga and waits for its end.</summary>
    public async ValueTask RunAsync(int number, bool fails)
    {
        var id = await Client.StartAsync(fails ? _failing : _ok, number.ToString(CultureInfo.InvariantCulture), number);
        var saga = await Client.WaitAsync(id);
        if (saga.Status != (fails ? SagaStatus.Compensated : SagaStatus.Completed) || saga.Compensated.Count != (fails ? SagaWork.Steps - 1 : 0))
        {
            throw new InvalidOperationException($"A saga ended as {saga.Status}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    private static SagaDefinition<int> Define(string name, bool fails)
    {
        var builder = SagaDefinition.Create<int>(name);
        for (var step = 1; step <= SagaWork.Steps; step++)
        {
            var refuses = fails && step == SagaWork.Steps;
            builder.Step($"step{step}", async (context, _) =>
            {
                var result = await SagaWork.DoAsync(context.Input);
                return refuses ? throw new SagaRejectedException("refused") : result;
            });
        }

        return builder.Build();
    }

    private sealed class Undo : ISagaCompensation<int>
    {
        public async ValueTask CompensateAsync(SagaCompensationContext<int> context, CancellationToken cancellationToken) => await SagaWork.DoAsync(context.Result);
    }
}
