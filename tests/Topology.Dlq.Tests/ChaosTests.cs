namespace Topology.Dlq.Tests;

/// <summary>Poison among good messages, in worker processes that are really killed, stopped and restarted. <c>eng/chaos.sh dlq</c> runs the long form.</summary>
public sealed class ChaosTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_that_kills_its_process_is_one_letter_after_max_attempts_and_good_messages_survive()
    {
        await using var chaos = await Chaos.StartAsync();
        await PoisonAsync(chaos, _ => Task.CompletedTask);
    }

    [Fact]
    public async Task The_same_with_workers_that_are_stopped_where_they_are_and_go_on_later()
    {
        await using var chaos = await Chaos.StartAsync(workers: 2);
        await PoisonAsync(chaos, async random =>
        {
            for (var stop = 0; stop < (Chaos.Full ? 10 : 1); stop++)
            {
                await Task.Delay(random.Next(100, 1_500), Token);
                await chaos.StandStillAsync(random.Next(2), TimeSpan.FromSeconds(2.5)); // ack_wait is a second
            }
        });
    }

    [Fact]
    public async Task The_same_with_workers_that_are_restarted_one_after_another()
    {
        await using var chaos = await Chaos.StartAsync(workers: 2);
        await PoisonAsync(chaos, async random =>
        {
            for (var restart = 0; restart < (Chaos.Full ? 10 : 2); restart++)
            {
                await Task.Delay(random.Next(100, 1_500), Token);
                await chaos.RestartAsync(restart % 2);
            }
        });
    }

    private static async Task PoisonAsync(Chaos chaos, Func<Random, Task> disturb)
    {
        var (good, poison) = Chaos.Full ? (1_000, 10) : (100, 1);
        var random = new Random(Chaos.Seed);
        await chaos.PublishAsync(
            Enumerable.Range(0, good).Select(i => $"good{i}").Concat(Enumerable.Range(0, poison).Select(i => $"poison{i}")).OrderBy(_ => random.Next()));
        await chaos.RunAsync(() => disturb(random));

        var letters = await chaos.LettersAsync();
        Assert.Equal(poison, letters.Count);
        Assert.All(letters, letter => Assert.Equal(DeadLetterReasons.CrashLoop, letter.Reason));
        var starts = await chaos.StartsAsync();
        var poisonStarts = starts.Where(start => start.Key.StartsWith("poison", StringComparison.Ordinal)).Select(start => start.Value).ToList();
        Assert.All(poisonStarts, count => Assert.InRange(count, 3, 4));
        Assert.Equal(good + poison, starts.Count);
        Chaos.Report($"{poison} poison among {good} good: poison started {poisonStarts.Min()} to {poisonStarts.Max()} times, 0 good dead-lettered, good started {starts.Values.Sum() - poisonStarts.Sum()} times");
    }
}
