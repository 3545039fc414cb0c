using Topology.TestKit;

namespace Topology.Saga.Tests;

/// <summary>What every dispatcher must do. A provider's tests derive from it.</summary>
public abstract class SagaDispatcherConformance
{
    private readonly string _definition = $"dispatched-{Guid.NewGuid():N}";

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_start_is_handed_out_once_with_what_it_was_and_a_second_one_is_told()
    {
        var dispatcher = await CreateAsync();
        var start = Start("a/b .*>ä") with { Tenant = "acme", TraceParent = "00-1-2-01" };
        Assert.Null(await dispatcher.FindStartAsync(start.Id, Token));
        Assert.True(await dispatcher.TryStartAsync(start, Token));
        Assert.False(await dispatcher.TryStartAsync(Start("a/b .*>ä") with { Tenant = "other" }, Token));
        AssertSame(start, await dispatcher.FindStartAsync(start.Id, Token));

        await using var worker = new Worker(dispatcher, _definition);
        using var lease = await worker.NextAsync();
        Assert.Equal((start.Id, (string?)null), (lease.SagaId, lease.TimerOf));
        Assert.InRange((DateTimeOffset.UtcNow - lease.EnqueuedAt).Duration(), TimeSpan.Zero, TimeSpan.FromMinutes(1));
        AssertSame(start, await dispatcher.FindStartAsync(start.Id, Token));
        await lease.CompleteAsync(Token);
        AssertSame(start, await dispatcher.FindStartAsync(start.Id, Token));
        await AssertNothingElseAsync(dispatcher, worker);
    }

    [Fact]
    public async Task Of_many_starts_of_one_saga_exactly_one_is_the_first()
    {
        var dispatcher = await CreateAsync();
        for (var round = 0; round < 10; round++)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => dispatcher.TryStartAsync(Start($"{round}"), Token).AsTask(), Token)));
            Assert.Single(results, isFirst => isFirst);
        }
    }

    [Fact]
    public async Task Every_wake_up_is_an_item_of_its_own()
    {
        var dispatcher = await CreateAsync();
        var id = new SagaId(_definition, "1");
        await dispatcher.WakeAsync(id, Token);
        await dispatcher.WakeAsync(id, Token);

        await using var worker = new Worker(dispatcher, _definition);
        using var first = await worker.NextAsync();
        using var second = await worker.NextAsync();
        Assert.Equal((id, id), (first.SagaId, second.SagaId));
        Assert.NotEqual(first.ItemId, second.ItemId);
        await first.CompleteAsync(Token);
        await second.CompleteAsync(Token);
    }

    [Fact]
    public async Task A_worker_gets_the_items_of_the_definitions_it_knows_and_no_others()
    {
        var dispatcher = await CreateAsync();
        string[] names = [$"{_definition}.a", $"{_definition}.b", $"{_definition}.c"];
        foreach (var name in names)
        {
            await dispatcher.WakeAsync(new(name, "1"), Token);
        }

        await using var two = new Worker(dispatcher, names[0], names[2]);
        using var first = await two.NextAsync();
        using var second = await two.NextAsync();
        Assert.Equal([names[0], names[2]], new[] { first.SagaId.Definition, second.SagaId.Definition }.Order(StringComparer.Ordinal));

        await using var other = new Worker(dispatcher, names[1]);
        using var third = await other.NextAsync();
        Assert.Equal(names[1], third.SagaId.Definition);
    }

    [Fact]
    public async Task An_item_that_was_put_back_is_handed_out_again_as_the_same_item_and_not_too_early()
    {
        var dispatcher = await CreateAsync();
        await dispatcher.WakeAsync(new(_definition, "1"), Token);
        await using var worker = new Worker(dispatcher, _definition);
        var first = await worker.NextAsync();
        var putBack = TimeProvider.System.GetTimestamp();
        await first.AbandonAsync(TimeSpan.FromMilliseconds(300), Token);
        first.Dispose();

        using var again = await worker.NextAsync();
        Assert.True(TimeProvider.System.GetElapsedTime(putBack) > TimeSpan.FromMilliseconds(250));
        Assert.Equal(first.ItemId, again.ItemId);
        await again.CompleteAsync(Token);
        await AssertNothingElseAsync(dispatcher, worker);
    }

    [Fact]
    public async Task Timers_are_handed_out_for_their_steps_each_not_before_its_time()
    {
        var dispatcher = await CreateAsync();
        var id = new SagaId(_definition, "1");
        var set = TimeProvider.System.GetTimestamp();
        await dispatcher.SetTimerAsync(id, "long", TimeSpan.FromHours(1), Token);
        await dispatcher.SetTimerAsync(id, "second", TimeSpan.FromMilliseconds(900), Token);
        await dispatcher.SetTimerAsync(id, "first", TimeSpan.FromMilliseconds(100), Token);

        await using var worker = new Worker(dispatcher, _definition);
        using var first = await worker.NextAsync();
        Assert.Equal((id, "first"), (first.SagaId, first.TimerOf));
        using var second = await worker.NextAsync();
        Assert.Equal((id, "second"), (second.SagaId, second.TimerOf));
        Assert.True(TimeProvider.System.GetElapsedTime(set) > TimeSpan.FromMilliseconds(850));
        await first.CompleteAsync(Token);
        await second.CompleteAsync(Token);
        await AssertNothingElseAsync(dispatcher, worker);
    }

    [Fact]
    public async Task What_is_forgotten_can_be_started_as_if_never_before_and_nothing_else_is_forgotten()
    {
        var dispatcher = await CreateAsync();
        await dispatcher.TryStartAsync(Start("1"), Token);
        await dispatcher.TryStartAsync(Start("11"), Token);
        await dispatcher.ForgetAsync(new(_definition, "1"), Token);
        await dispatcher.ForgetAsync(new(_definition, "1"), Token);

        Assert.Null(await dispatcher.FindStartAsync(new(_definition, "1"), Token));
        Assert.False(await dispatcher.TryStartAsync(Start("11"), Token));
        Assert.True(await dispatcher.TryStartAsync(Start("1"), Token));
    }

    [Fact]
    public async Task Large_starts_come_back_byte_for_byte()
    {
        var dispatcher = await CreateAsync();
        var start = Start(new string('ü', SagaId.MaxLength)) with { Input = SagaValue.FromJson(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new string('x', 3_000_000))) };
        await dispatcher.TryStartAsync(start, Token);
        AssertSame(start, await dispatcher.FindStartAsync(start.Id, Token));
        await using var worker = new Worker(dispatcher, _definition);
        using var lease = await worker.NextAsync();
        Assert.Equal(start.Id, lease.SagaId);
        await lease.CompleteAsync(Token);
        await dispatcher.ForgetAsync(start.Id, Token);
        Assert.Null(await dispatcher.FindStartAsync(start.Id, Token));
    }

    [Fact]
    public async Task An_idle_worker_beats_and_a_cancelled_one_ends()
    {
        var dispatcher = await CreateAsync();
        var worker = new Worker(dispatcher, _definition);
        await Until.True(() => worker.Beats >= 2, cancellationToken: Token);
        await worker.DisposeAsync();
    }

    /// <summary>Makes a dispatcher, or returns one that others use too: definitions are the test's own.</summary>
    protected abstract ValueTask<ISagaDispatcher> CreateAsync();

    private protected SagaStart Start(string value) => new(new(_definition, value), "hash", "-", SagaValue.FromJson("\"input\""u8.ToArray()));

    private static void AssertSame(SagaStart expected, SagaStart? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected with { Input = SagaValue.None }, actual with { Input = SagaValue.None });
        Assert.True(expected.Input.ToJson().Span.SequenceEqual(actual.Input.ToJson().Span));
    }

    /// <summary>Items come in their order, so what comes next tells what is not there.</summary>
    private async Task AssertNothingElseAsync(ISagaDispatcher dispatcher, Worker worker)
    {
        await dispatcher.WakeAsync(new(_definition, "the next"), Token);
        using var next = await worker.NextAsync();
        Assert.Equal("the next", next.SagaId.Value);
        await next.CompleteAsync(Token);
    }

    private protected sealed class Worker : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        private readonly System.Threading.Channels.Channel<ISagaLease> _leases = System.Threading.Channels.Channel.CreateUnbounded<ISagaLease>();
        private readonly Task _running;
        private int _beats;

        public Worker(ISagaDispatcher dispatcher, params string[] definitions) => _running = Task.Run(async () =>
        {
            await foreach (var lease in dispatcher.LeaseAsync(definitions.ToHashSet(), () => Free, () => Interlocked.Increment(ref _beats), _stop.Token))
            {
                await _leases.Writer.WriteAsync(lease);
            }
        });

        public int Free { get; set; } = 10;

        public int Beats => Volatile.Read(ref _beats);

        public bool HasNext => _leases.Reader.TryPeek(out _);

        public async Task<ISagaLease> NextAsync() => await _leases.Reader.ReadAsync(Token).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Token);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running.WaitAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
            while (_leases.Reader.TryRead(out var lease))
            {
                lease.Dispose();
            }

            _stop.Dispose();
        }
    }
}
