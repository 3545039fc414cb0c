using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Topology.TestKit;

namespace Topology.Saga.JetStream.Tests;

/// <summary>
/// A store that fills up while sagas are in the midst of their steps: no further effect begins, slots are freed, no saga is started, the check
/// says so, and when there is room again all go on and none is lost.
/// </summary>
public sealed class RoomTests(NatsFixture nats)
{
    private const int Sagas = 10;
    private readonly string _prefix = JetStreamSagas.NewPrefix();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_log_that_is_full()
    {
        var filling = new NatsJSContext(nats.Connection);
        await RunAsync(
            nats.Connection,
            () => FillAsync(filling, $"{_prefix}.log.filling", 10077),
            async () => await filling.PurgeStreamAsync($"{_prefix.ToUpperInvariant()}_LOG", new StreamPurgeRequest { Filter = $"{_prefix}.log.filling" }, Token));
    }

    [Fact]
    public async Task An_account_without_storage()
    {
        const string Accounts = "accounts: { T: { jetstream: { max_file: 8M }, users: [ { user: t, password: t } ] } }\nno_auth_user: t";
        await using var server = await NatsServer.StartAsync(Accounts, Token);
        await FillServerAsync(server, 10002);
    }

    [Fact]
    public async Task An_account_that_is_nearly_full_starts_nothing_before_anything_is_refused()
    {
        const string Accounts = "accounts: { T: { jetstream: { max_file: 8M }, users: [ { user: t, password: t } ] } }\nno_auth_user: t";
        await using var server = await NatsServer.StartAsync(Accounts, Token);
        await using var connection = await server.ConnectAsync();
        await using var sagas = new JetStreamSagas(connection, _prefix, options => (options.MaxLogBytes, options.MaxItemBytes, options.MaxTimerBytes) = (1 << 20, 1 << 20, 1 << 20));
        var filling = new NatsJSContext(connection);
        await filling.CreateStreamAsync(new StreamConfig("FILLING", ["filling"]), Token);
        while ((await filling.GetAccountInfoAsync(Token)).Storage < 7.5 * (1 << 20))
        {
            (await filling.PublishAsync("filling", new byte[100_000], cancellationToken: Token)).EnsureSuccess();
        }

        var refused = await Assert.ThrowsAsync<SagaStoreException>(() => sagas.Dispatcher.TryStartAsync(new(new("d", "1"), "hash", "-", SagaValue.None), Token).AsTask());
        Assert.Contains("the account's storage is nearly full", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_storage()
    {
        await using var server = await NatsServer.StartAsync("", "8MB", Token);
        await FillServerAsync(server, 10023);
    }

    private async Task FillServerAsync(NatsServer server, int error)
    {
        await using var connection = await server.ConnectAsync();
        var filling = new NatsJSContext(connection);
        await RunAsync(
            connection,
            async () =>
            {
                await filling.CreateStreamAsync(new StreamConfig("FILLING", ["filling"]), Token);
                await FillAsync(filling, "filling", error);
            },
            async () => await filling.DeleteStreamAsync("FILLING", Token));
    }

    /// <summary>Fills until nothing is taken any more, and sees to it that it is refused with the error that is meant.</summary>
    private static async Task FillAsync(NatsJSContext filling, string subject, int error)
    {
        for (var size = 100_000; size > 10; size /= 2)
        {
            PubAckResponse answer;
            do
            {
                answer = await filling.PublishAsync(subject, new byte[size], cancellationToken: Token);
            }
            while (answer.Error is null);
            Assert.Equal(error, answer.Error.ErrCode);
        }
    }

    private async Task RunAsync(INatsConnection connection, Func<Task> fill, Func<Task> empty)
    {
        var (gate, begun, done) = (new TaskCompletionSource(), 0, new ConcurrentQueue<string>());
        var definition = SagaDefinition.Create<string>("d")
            .Step("a", async (_, token) =>
            {
                Interlocked.Increment(ref begun);
                await gate.Task.WaitAsync(token);
            })
            .Step("b", (context, _) =>
            {
                done.Enqueue(context.SagaId.Value);
                return default;
            })
            .Build();
        await using var process = await SagaProcess.StartAsync(
            connection,
            _prefix,
            definition,
            options => (options.MaxLogBytes, options.MaxItemBytes, options.MaxTimerBytes) = (1 << 20, 1 << 20, 1 << 20),
            services => services.Configure<SagaOptions>(saga => saga.MaxTakeovers = 100));
        var ids = new List<SagaId>();
        for (var i = 0; i < Sagas; i++)
        {
            ids.Add(await process.Client.StartAsync(definition, $"{i}", "input", cancellationToken: Token));
        }

        await Until.True(() => Volatile.Read(ref begun) == Sagas, cancellationToken: Token);
        Assert.Null((await process.CheckAsync(SagaNatsHealthCheck.Register())).Code);
        await fill();
        gate.SetResult();
        await Until.True(async () => (int)(await process.CheckAsync(SagaBacklogHealthCheck.Registration)).Data["running"] == 0, cancellationToken: Token);
        Assert.Equal((Sagas, 0), (begun, done.Count));
        await Until.True(async () => await IsRefusedAsync(), cancellationToken: Token);
        Assert.Equal("store_nearly_full", (await process.CheckAsync(SagaNatsHealthCheck.Register())).Code);

        await empty();
        foreach (var id in ids)
        {
            await process.UntilAsync(id, SagaStatus.Completed, TimeSpan.FromMinutes(2));
        }

        Assert.Equal(ids.Select(id => id.Value), done.Where(value => value != "more").Order(StringComparer.Ordinal));
        await Until.True(async () => !await IsRefusedAsync(), cancellationToken: Token);
        Assert.Null((await process.CheckAsync(SagaNatsHealthCheck.Register())).Code);

        async Task<bool> IsRefusedAsync()
        {
            try
            {
                await process.Client.StartAsync(definition, "more", "input", cancellationToken: Token);
                return false;
            }
            catch (SagaStoreException refused)
            {
                return refused.Message.Contains("nearly full", StringComparison.Ordinal);
            }
        }
    }
}
