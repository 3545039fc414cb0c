using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Topology.Saga.Tests;

public sealed class TableReloadTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_changed_table_applies_to_what_begins_later_and_one_with_faults_is_not_used()
    {
        using var file = new ChangingTable();
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new SagaRejectedException("no")).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, [], services => services
            .AddSingleton<IConfigureOptions<SagaCompensationTableOptions>>(file).AddSingleton<IOptionsChangeTokenSource<SagaCompensationTableOptions>>(file));
        await host.Client.WaitAsync(await host.Client.StartAsync(definition, "1", "input", null, Token), Token);
        Assert.Empty(host.World.Log);

        file.Change("undo");
        await host.Client.WaitAsync(await host.Client.StartAsync(definition, "2", "input", null, Token), Token);
        Assert.Equal(["undo:a"], host.World.Log);

        file.Change("no_such_action");
        await host.Client.WaitAsync(await host.Client.StartAsync(definition, "3", "input", null, Token), Token);
        Assert.Equal(["undo:a", "undo:a"], host.World.Log);
    }

    [Fact]
    public async Task A_failed_compensation_whose_row_is_gone_when_it_is_retried_is_not_taken_for_done()
    {
        using var file = new ChangingTable();
        file.Change("fails");
        var definition = SagaDefinition.Create<string>("s").Step("a", static (_, _) => default).Step("b", static (_, _) => throw new SagaRejectedException("no")).Build();
        await using var host = await SagaTestHost.StartAsync(new(), definition, [], services => services.AddSagaCompensation<Fails>("fails")
            .AddSingleton<IConfigureOptions<SagaCompensationTableOptions>>(file).AddSingleton<IOptionsChangeTokenSource<SagaCompensationTableOptions>>(file));
        var id = await host.Client.StartAsync(definition, "1", "input", null, Token);
        var before = await host.Client.WaitAsync(id, Token);
        Assert.Equal(SagaStatus.CompensationFailed, before.Status);

        file.Change(null);
        await host.Operator.DecideAsync(id, new(SagaVerb.Retry, "a", "ada", "again"), Token);
        var after = await host.UntilAsync(id, saga => saga.IsSettled && saga.Version > before.Version);

        Assert.Equal(SagaStatus.CompensationFailed, after.Status);
        Assert.Contains("no row", after.Steps[0].LastFailure!.Message, StringComparison.Ordinal);
        Assert.NotEqual(before.Steps[0].LetterId, after.Steps[0].LetterId);
    }

    private sealed class Fails : ISagaCompensation
    {
        public ValueTask CompensateAsync(SagaCompensationContext context, CancellationToken cancellationToken) => throw new ArgumentException("bug");
    }

    private sealed class ChangingTable : IConfigureNamedOptions<SagaCompensationTableOptions>, IOptionsChangeTokenSource<SagaCompensationTableOptions>, IDisposable
    {
        private string? _action;
        private CancellationTokenSource _changed = new();

        public string Name => "s";

        public void Change(string? action)
        {
            _action = action;
            var changed = _changed;
            _changed = new();
            changed.Cancel();
            changed.Dispose();
        }

        public void Dispose() => _changed.Dispose();

        public IChangeToken GetChangeToken() => new CancellationChangeToken(_changed.Token);

        public void Configure(SagaCompensationTableOptions options) => Configure(null, options);

        public void Configure(string? name, SagaCompensationTableOptions options)
        {
            if (name == "s" && _action is not null)
            {
                options.Steps.Add(new() { StepId = "a", CompensationAction = new() { Type = _action, RetryCount = 0 } });
            }
        }
    }
}
