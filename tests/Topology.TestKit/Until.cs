using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Topology.TestKit;

/// <summary>Waits in real time until something holds: the one way a test waits.</summary>
/// <remarks>The default limit is 30 seconds: generous, because it is only ever spent by a failing test.</remarks>
public static class Until
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Waits until <paramref name="condition"/> returns <see langword="true"/>.</summary>
    /// <exception cref="TimeoutException">It did not in time; the message holds the condition's text.</exception>
    public static Task True(
        Func<bool> condition,
        TimeSpan? within = null,
        CancellationToken cancellationToken = default,
        [CallerArgumentExpression(nameof(condition))] string text = "") =>
        WaitAsync(() => Task.FromResult(condition()), static met => met, within, text, cancellationToken);

    /// <summary>Waits until <paramref name="condition"/> returns <see langword="true"/>.</summary>
    /// <exception cref="TimeoutException">It did not in time; the message holds the condition's text.</exception>
    public static Task True(
        Func<Task<bool>> condition,
        TimeSpan? within = null,
        CancellationToken cancellationToken = default,
        [CallerArgumentExpression(nameof(condition))] string text = "") =>
        WaitAsync(condition, static met => met, within, text, cancellationToken);

    /// <summary>Reads until what was read is as wanted, and returns it.</summary>
    /// <exception cref="TimeoutException">It was not in time; the message holds what was wanted and what was read last.</exception>
    public static Task<T> Value<T>(
        Func<T> read,
        Func<T, bool> wanted,
        TimeSpan? within = null,
        CancellationToken cancellationToken = default,
        [CallerArgumentExpression(nameof(read))] string text = "",
        [CallerArgumentExpression(nameof(wanted))] string wantedText = "") =>
        WaitAsync(() => Task.FromResult(read()), wanted, within, $"{text} to be {wantedText}", cancellationToken);

    /// <summary>Reads until what was read is as wanted, and returns it.</summary>
    /// <exception cref="TimeoutException">It was not in time; the message holds what was wanted and what was read last.</exception>
    public static Task<T> Value<T>(
        Func<Task<T>> read,
        Func<T, bool> wanted,
        TimeSpan? within = null,
        CancellationToken cancellationToken = default,
        [CallerArgumentExpression(nameof(read))] string text = "",
        [CallerArgumentExpression(nameof(wanted))] string wantedText = "") =>
        WaitAsync(read, wanted, within, $"{text} to be {wantedText}", cancellationToken);

    // A read that throws is a read that saw no value yet: a server that is just coming back refuses connections.
    private static async Task<T> WaitAsync<T>(Func<Task<T>> read, Func<T, bool> wanted, TimeSpan? within, string text, CancellationToken cancellationToken)
    {
        var limit = within ?? DefaultLimit;
        var clock = Stopwatch.StartNew();
        var seen = "nothing";
        Exception? failure = null;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var left = limit - clock.Elapsed;
                var value = await read().WaitAsync(left > Pause ? left : Pause, cancellationToken);
                failure = null;
                seen = value?.ToString() ?? "null";
                if (wanted(value))
                    return value;
            }
            catch (Exception thrown) when (thrown is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                failure = thrown;
                seen = $"{thrown.GetType().Name}: {thrown.Message}";
            }

            await Task.Delay(Pause, cancellationToken);
        }
        while (clock.Elapsed < limit);

        throw new TimeoutException($"Waited {limit.TotalSeconds:0.###} s for {text}. Last seen: {seen}", failure);
    }
}
