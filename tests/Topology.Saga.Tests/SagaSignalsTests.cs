using Microsoft.Extensions.Time.Testing;
using Topology.Saga.Internal;

namespace Topology.Saga.Tests;

public sealed class SagaSignalsTests
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(250);

    [Fact]
    public void Whoever_waits_for_a_saga_that_another_process_runs_looks_again_from_time_to_time()
    {
        var time = new FakeTimeProvider();
        using var signals = new SagaSignals(time);
        var (one, two) = (signals.Next(new("s", "1")), signals.Next(new("s", "2")));
        time.Advance(_lookAgain - TimeSpan.FromMilliseconds(1));
        Assert.False(one.IsCompleted || two.IsCompleted);

        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(one is { IsCompletedSuccessfully: true, Result: null } && two is { IsCompletedSuccessfully: true, Result: null });

        var again = signals.Next(new("s", "1"));
        Assert.False(again.IsCompleted);
        time.Advance(_lookAgain);
        Assert.True(again.IsCompletedSuccessfully);
    }
}
