using System.Collections.Concurrent;
using System.Diagnostics;
using Topology.Saga;

namespace Quickstart.Shop;

/// <summary>
/// The systems a real shop would call over the network: payment, warehouse, mail, CRM and a tool. They deduplicate by key, as such
/// systems should, write down every call, and fail when told to.
/// </summary>
internal sealed class ShopSystems
{
    private readonly ConcurrentQueue<ShopCall> _calls = new();
    private readonly ConcurrentDictionary<(string Subject, string Action), ShopFault> _faults = new();
    private readonly ConcurrentDictionary<string, object> _done = new();
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _number;

    /// <summary>Told of each call when it ends.</summary>
    public event Action<ShopCall>? Called;

    public IReadOnlyList<ShopCall> Calls(string subject) => [.. _calls.Where(call => call.Subject == subject)];

    public void Break(string subject, string action, ShopFault fault) => _faults[(subject, action)] = fault;

    public void Mend(string subject, string action) => _faults.TryRemove((subject, action), out _);

    public ValueTask<T> DoAsync<T>(string subject, string action, string key, string given, Func<int, T> effect)
        where T : class
    {
        var number = _calls.Count(call => call.Subject == subject && call.Action == action) + 1;
        var at = Stopwatch.GetElapsedTime(_start);
        try
        {
            _faults.GetValueOrDefault((subject, action))?.Throw(number);
            var result = (T)_done.GetOrAdd(key, _ => effect(Interlocked.Increment(ref _number)));
            Record(new(subject, action, number, at, given, result.ToString()!, Failed: false));
            return ValueTask.FromResult(result);
        }
        catch (Exception error) when (error is SagaRejectedException or HttpRequestException)
        {
            Record(new(subject, action, number, at, given, error.Message, Failed: true));
            throw;
        }
    }

    public async ValueTask UndoAsync(string subject, string action, string key, string? given) =>
        await DoAsync(subject, action, key, given ?? "(nothing known)", _ => "done");

    private void Record(ShopCall call)
    {
        _calls.Enqueue(call);
        Called?.Invoke(call);
    }
}
