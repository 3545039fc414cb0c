using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Topology.Saga;

namespace Topology.Benchmarks.Saga;

/// <summary>The floor of what is promised: the bare loop, and the entries that must be stored before the next step, in the same journal in memory.</summary>
internal sealed class JournaledSagas : IAsyncDisposable
{
    private static readonly JsonTypeInfo<int> _json = (JsonTypeInfo<int>)System.Text.Json.JsonSerializerOptions.Default.GetTypeInfo(typeof(int));
    private static readonly string[] _steps = [.. Enumerable.Range(1, SagaWork.Steps).Select(step => $"step{step}")];
    private readonly ServiceProvider _services = new ServiceCollection().AddLogging().AddTopologySaga().AddInMemorySagaStore().BuildServiceProvider();
    private readonly ISagaJournal _journal;

    public JournaledSagas() => _journal = _services.GetRequiredService<ISagaJournal>();

    public async ValueTask RunAsync(int number)
    {
        var id = new SagaId("ok", number.ToString(CultureInfo.InvariantCulture));
        var version = await AppendAsync(id, 0, new SagaEvent.Started("hash", "-", SagaValue.Create(number, _json), null), new SagaEvent.Claimed(id.Value, false));
        for (var step = 0; step < SagaWork.Steps; step++)
        {
            var completed = new SagaEvent.StepCompleted(_steps[step], SagaValue.Create(await SagaWork.DoAsync(number), _json));
            version = step < SagaWork.Steps - 1
                ? await AppendAsync(id, version, completed)
                : await AppendAsync(id, version, completed, new SagaEvent.Settled(SagaStatus.Completed));
        }
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private async ValueTask<long> AppendAsync(SagaId id, long version, params SagaEvent[] events) =>
        (await _journal.AppendAsync(id, version, new(default, events), CancellationToken.None)).Version;
}
