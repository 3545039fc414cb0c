using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Topology.Dlq.Internal;
using Topology.TestKit;

namespace Topology.Dlq.Tests;

/// <summary>Everything that is promised, over a queue and a work stream that behave as badly as they may.</summary>
public sealed class WorstQueueTests
{
    private const string Queue = DeadLetterHouse.Queue;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 8)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_letter_that_is_published_until_it_is_taken_is_there_once_and_one_that_was_closed_stays_closed(int seed)
    {
        await using var house = House(seed, out var worst);
        for (var i = 0; i < 40; i++)
        {
            await UntilTakenAsync(() => house.Publisher.PublishAsync(house.Letter($"l{i}"), Token));
            if (i % 2 == 0)
                await UntilTakenAsync(() => house.Publisher.CloseAsync(Queue, $"l{i}", "seen", Token));
            await UntilTakenAsync(() => house.Publisher.PublishAsync(house.Letter($"l{i}"), Token));
        }

        worst().Behaves = true;
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"l{2 * i + 1}"), await house.Store.QueryAsync(new(Queue), Token).Select(letter => letter.Id).ToListAsync(Token));
        Assert.InRange(worst().Faults, 10, int.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Every_letter_is_processed_closed_and_gone_and_a_step_that_was_written_down_is_not_repeated(int seed)
    {
        await using var house = House(seed, out var worst, services => services
            .AddSingleton<Steps>()
            .AddDeadLetterProcessor<Processor>(Queue)
            .Configure<DeadLetterQueueOptions>(Queue, options => options.Consumer = new() { Name = "worst", MaxDeliver = 100 }));
        var steps = house.Services.GetRequiredService<Steps>();
        steps.IsWritten = id => house.Provider.ReadMarksAsync(Queue, Token).AnyAsync(mark => mark.Id == id && mark.Steps.Contains("one"), Token);
        worst().Behaves = true;
        for (var i = 0; i < 20; i++)
            await house.Publisher.PublishAsync(house.Letter($"l{i}"), Token);
        worst().Behaves = false;
        await house.StartAsync(Token);
        await Until.True(
            async () =>
            {
                house.Time.Advance(TimeSpan.FromSeconds(5));
                return await house.Provider.ReadMarksAsync(Queue, Token).CountAsync(mark => mark.Closed == "done", Token) == 20
                    && (await house.Provider.SampleAsync(Queue, Token)).Letters == 0;
            },
            cancellationToken: Token);
        Assert.Equal(20, steps.Ran.Distinct().Count());
        Assert.False(steps.Repeated);
        Assert.InRange(worst().Faults, 10, int.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_redrive_that_is_run_until_nothing_is_left_hands_each_letter_on_once(int seed)
    {
        await using var house = House(seed, out var worst, services => services.AddRedriveTarget<DeadLetterRedriveTests.Target>(Queue));
        worst().Behaves = true;
        for (var i = 0; i < 40; i++)
            await house.Publisher.PublishAsync(house.Letter($"l{i}"), Token);
        worst().Behaves = false;
        var runs = 0;
        while ((await house.Store.QueryAsync(new(Queue), Token).ToListAsync(Token)).Count > 0)
        {
            Assert.InRange(++runs, 1, 500);
            try
            {
                await house.Redrive.RunAsync(new(new(Queue)), cancellationToken: Token);
            }
            catch (DeadLetterException)
            {
                // The next run goes on.
            }
        }

        var held = house.Services.GetRequiredService<DeadLetterRedriveTests.Target>().Held;
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"redrive:l{i}:1").Order(), held.Order());
        Assert.InRange(runs, 2, int.MaxValue);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Poison_among_good_messages_is_one_letter_each_and_a_good_one_only_when_all_its_starts_went_unanswered(int seed)
    {
        WorstProvider? worst = null;
        await using var test = new GuardUnderTest(
            (message, _) => Encoding.UTF8.GetString(message.Body.Span).StartsWith("poison", StringComparison.Ordinal)
                ? throw new InvalidOperationException("bad")
                : ValueTask.FromResult(WorkVerdict.Done),
            seed)
        {
            Queues = provider => worst = new WorstProvider(provider, seed),
        };
        test.Stream.MaxAckPending = 40; // delayed messages count, and then nothing else comes
        for (var i = 0; i < 150; i++)
            test.Add(i % 5 == 2 ? $"poison{i}" : $"good{i}");
        await test.RunAsync(() => test.Stream.Left == 0);

        var letters = await test.LettersAsync();
        var bodies = letters.ConvertAll(letter => Encoding.UTF8.GetString(letter.Body.Span));
        Assert.Equal(bodies.Distinct().Count(), bodies.Count);
        Assert.Equal(30, bodies.Count(body => body.StartsWith("poison", StringComparison.Ordinal)));

        // A good message whose every start went unanswered, three times over, is nobody's proof that it is good.
        Assert.All(letters.Where(letter => !letter.Body.Span.StartsWith("poison"u8)), letter => Assert.Equal((DeadLetterReasons.CrashLoop, 3), (letter.Reason, letter.Attempts)));
        Assert.InRange(letters.Count, 30, 33);
        Assert.Equal(150, test.Starts.Count);
        Assert.InRange(worst!.Faults, 10, int.MaxValue);
    }

    private static DeadLetterHouse House(int seed, out Func<WorstProvider> worst, Action<IServiceCollection>? configure = null)
    {
        var house = new DeadLetterHouse(services =>
        {
            services.AddSingleton<IDeadLetterQueueProvider>(
                provider => new WorstProvider(ActivatorUtilities.CreateInstance<InMemoryDeadLetterQueueProvider>(provider), seed));
            configure?.Invoke(services);
        });
        worst = () => (WorstProvider)house.Provider;
        return house;
    }

    private static async Task UntilTakenAsync<T>(Func<ValueTask<T>> call)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                await call();
                return;
            }
            catch (DeadLetterException) when (i < 100)
            {
                // As a caller does who may not lose it.
            }
        }
    }

    private sealed class Steps
    {
        public ConcurrentQueue<string> Ran { get; } = new();

        public Func<string, ValueTask<bool>> IsWritten { get; set; } = _ => default;

        public bool Repeated { get; set; }
    }

    private sealed class Processor(Steps steps) : IDeadLetterProcessor
    {
        public async ValueTask<DeadLetterVerdict> ProcessAsync(DeadLetterContext context, CancellationToken cancellationToken)
        {
            await context.RunStepAsync(
                "one",
                async _ =>
                {
                    steps.Repeated |= await steps.IsWritten(context.Letter.Id);
                    steps.Ran.Enqueue(context.Letter.Id);
                },
                cancellationToken);
            return DeadLetterVerdict.Done;
        }
    }
}
