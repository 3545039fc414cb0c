using System.Text;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>Transfers under servers and worker processes that are really killed, and into a queue without room. <c>eng/chaos.sh dlq</c> runs the long form.</summary>
public sealed class ChaosTransferTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Server_and_consumer_process_are_killed_again_and_again_and_each_dead_message_is_one_letter_and_nothing_is_lost()
    {
        var (bad, kills) = Chaos.Full ? (20_000, 20) : (600, 2);
        await using var chaos = await Chaos.StartAsync();
        var random = new Random(Chaos.Seed);
        await chaos.PublishAsync(Enumerable.Range(0, bad).Select(i => $"bad{i}"));
        var (servers, workers) = (0, 0);
        await chaos.RunAsync(async () =>
        {
            // At moments spread over all of the work: after a share of it, and a little later.
            for (var kill = 0; kill < 2 * kills; kill++)
            {
                await chaos.DoneAsync(bad * kill / (2 * kills) + 1);
                await Task.Delay(random.Next(50), Token);
                if (kill % 2 == 0)
                {
                    await chaos.KillServerAsync();
                    servers++;
                }
                else
                {
                    await chaos.KillAsync(0);
                    workers++;
                }
            }
        });

        Assert.Equal((kills, kills), (servers, workers));
        var letters = await chaos.LettersAsync();
        Assert.Equal(bad, letters.Select(letter => letter.Id).Distinct().Count());
        Assert.Equal(bad, letters.Select(letter => Encoding.UTF8.GetString(letter.Body.Span)).Distinct().Count());
        Assert.Equal(bad, letters.Count);
        var again = (await chaos.StartsAsync()).Values.Sum() - bad;
        Chaos.Report($"{bad} transfers, {again} begun a second time and their duplicates avoided, server killed {servers} times, consumer killed {workers} times: 0 lost, {letters.Count} letters");
    }

    [Fact]
    public async Task A_full_queue_leaves_originals_where_they_are_and_tells_and_takes_them_when_there_is_room()
    {
        var bad = Chaos.Full ? 2_000 : 300;
        await using var chaos = await Chaos.StartAsync(queueBytes: 1 << 20);
        var padding = new string('x', 4_000);
        await chaos.PublishAsync(Enumerable.Range(0, bad).Select(i => $"bad{i} {padding}"));
        var seen = new HashSet<string>();
        var rounds = 0;
        await chaos.RunAsync(async () =>
        {
            while (seen.Count < bad)
            {
                // Chaos.Full: it has told, and what is not in the queue is in the stream.
                if (bad - seen.Count > 230)
                    await Until.True(async () => (await chaos.StartsAsync()).ContainsKey("alert:queue-full"), cancellationToken: Token);
                var letters = await chaos.LettersAsync();
                if (letters.Count == 0)
                    continue;
                rounds++;
                Assert.All(letters, letter => Assert.True(seen.Add(Encoding.UTF8.GetString(letter.Body.Span)), "A letter came twice."));
                foreach (var letter in letters)
                    await chaos.CloseAsync(letter.Id);
            }
        });
        Assert.Equal(bad, seen.Count);
        Assert.InRange(rounds, 2, int.MaxValue);
        Chaos.Report($"{bad} transfers through a queue with room for about 250: 0 lost, emptied {rounds} times");
    }
}
