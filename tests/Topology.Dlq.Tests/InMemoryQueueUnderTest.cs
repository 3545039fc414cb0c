using Microsoft.Extensions.DependencyInjection;

namespace Topology.Dlq.Tests;

internal sealed class InMemoryQueueUnderTest : QueueUnderTest
{
    private readonly DeadLetterHouse _house = new(services =>
        services.Configure<DeadLetterQueueOptions>(DeadLetterHouse.Queue, options => options.MaxBytes = 1 << 20));

    public override IDeadLetterQueueProvider Provider => _house.Provider;

    public override string Queue => DeadLetterHouse.Queue;

    public override DateTimeOffset Now => _house.Time.GetUtcNow();

    public override async Task PassAsync(TimeSpan time)
    {
        await Task.Delay(1);
        _house.Time.Advance(time);
        await Task.Delay(1);
    }

    public override ValueTask DisposeAsync() => _house.DisposeAsync();
}
