using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Topology.TestKit.Tests;

public sealed class ServerProcessTests
{
    private const string HandOver = "TOPOLOGY_TESTKIT_HANDOVER";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stopped_server_is_gone_and_so_is_its_directory_when_disposed()
    {
        var server = await RedisServer.StartAsync(cancellationToken: Token);
        var processId = server.ProcessId;
        await server.StopAsync(Token);
        Assert.False(Runs(processId));
        Assert.True(Directory.Exists(server.Directory));
        await server.DisposeAsync();
        Assert.False(Directory.Exists(server.Directory));
    }

    [Fact]
    public async Task A_server_that_crashed_is_reported_with_what_it_printed()
    {
        var server = await NatsServer.StartAsync(cancellationToken: Token);
        using (var process = Process.GetProcessById(server.ProcessId))
            process.Kill();
        await Until.True(() => !server.IsRunning, cancellationToken: Token);
        var failure = Assert.Throws<InvalidOperationException>(server.ThrowIfCrashed);
        Assert.Contains("ended by itself with exit code 137", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Server is ready", failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await server.DisposeAsync());
        Assert.False(Directory.Exists(server.Directory));
    }

    [Fact]
    public async Task A_port_that_was_taken_while_the_server_was_down_is_said_to_be()
    {
        foreach (var server in (ServerProcess[])[await NatsServer.StartAsync(cancellationToken: Token), await RedisServer.StartAsync(cancellationToken: Token)])
        {
            await using var _ = server;
            await server.KillAsync(Token);
            using var other = new TcpListener(IPAddress.Loopback, server.Port);
            other.Start();
            var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => server.StartAgainAsync(Token));
            Assert.StartsWith($"port {server.Port} was taken", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_connection_that_reaches_another_server_is_refused()
    {
        await using var server = await NatsServer.StartAsync(cancellationToken: Token);
        await server.KillAsync(Token);
        using var other = new TcpListener(IPAddress.Loopback, server.Port);
        other.Start();
        var answer = Task.Run(
            async () =>
            {
                using var client = await other.AcceptTcpClientAsync(Token);
                var stream = client.GetStream();
                await stream.WriteAsync("INFO {\"server_name\":\"other\",\"max_payload\":1024}\r\n"u8.ToArray(), Token);
                using var reader = new StreamReader(stream);
                while (await reader.ReadLineAsync(Token) is { } line)
                {
                    if (line == "PING")
                        await stream.WriteAsync("PONG\r\n"u8.ToArray(), Token);
                }
            },
            Token);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => server.ConnectAsync());
        Assert.Contains("is the server 'other', not", failure.Message, StringComparison.Ordinal);
        await answer;
    }

    [Fact]
    public async Task Servers_and_directories_are_gone_after_the_test_process_is_killed()
    {
        if (Environment.GetEnvironmentVariable(HandOver) is { } inner)
        {
            await HoldTwoServersAsync(inner); // this is the process to be killed
            return;
        }

        var handOver = Path.Combine(Path.GetTempPath(), $"topology-handover-{Guid.NewGuid():N}");
        using var run = Process.Start(new ProcessStartInfo(Environment.ProcessPath!,
            ["--filter-method", "*." + nameof(Servers_and_directories_are_gone_after_the_test_process_is_killed)])
        {
            Environment = { [HandOver] = handOver },
            RedirectStandardOutput = true,
        })!;
        try
        {
            await Until.True(() => File.Exists(handOver) || run.HasExited, TimeSpan.FromSeconds(60), Token);
            Assert.True(File.Exists(handOver), "The inner run ended early.");
            var held = await File.ReadAllLinesAsync(handOver, Token);
            int[] processIds = [int.Parse(held[0], CultureInfo.InvariantCulture), int.Parse(held[2], CultureInfo.InvariantCulture)];
            Assert.All(processIds, id => Assert.True(Runs(id)));

            run.Kill();
            await run.WaitForExitAsync(Token);

            await Until.True(() => !processIds.Any(Runs), cancellationToken: Token);
            await Until.True(() => !Directory.Exists(held[1]) && !Directory.Exists(held[3]), cancellationToken: Token);
        }
        finally
        {
            run.Kill();
            File.Delete(handOver);
        }
    }

    private static async Task HoldTwoServersAsync(string handOver)
    {
        await using var nats = await NatsServer.StartAsync(cancellationToken: Token);
        await using var redis = await RedisServer.StartAsync(cancellationToken: Token);
        redis.Pause(); // even a server that cannot end by itself goes
        await File.WriteAllLinesAsync(
            handOver + ".part", [$"{nats.ProcessId}", nats.Directory, $"{redis.ProcessId}", redis.Directory], Token);
        File.Move(handOver + ".part", handOver);
        await Task.Delay(TimeSpan.FromMinutes(2), Token); // not for ever, should nobody kill it
    }

    // A killed orphan stays a zombie where process 1 reaps none, as in many containers.
    private static bool Runs(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            if (process.HasExited)
                return false;
            var state = $"/proc/{processId}/stat";
            return !File.Exists(state) || !File.ReadAllText(state).Contains(") Z ", StringComparison.Ordinal);
        }
        catch (Exception gone) when (gone is ArgumentException or IOException)
        {
            return false;
        }
    }
}
