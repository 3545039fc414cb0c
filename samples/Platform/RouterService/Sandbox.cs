using System.Collections.Concurrent;
using Platform.ServiceDefaults.Messages;

namespace Platform.RouterService;

/// <summary>
/// Stands in for the tools: payment, warehouse, mail, CRM, as a person would have them in a test account. Each does a key once, remembers
/// what was undone, writes down every call, and fails for customers it was told to fail for. Replace it by calls of your own systems.
/// </summary>
internal sealed class Sandbox
{
    private const int MaxCalls = 100_000;

    private static readonly Dictionary<string, string> Undoing = new(StringComparer.Ordinal)
    {
        ["refund_transaction"] = "payment_authorization",
        ["restore_inventory"] = "inventory_reservation",
        ["send_cancellation_email"] = "email_notification",
        ["revert_crm_status"] = "crm_update",
    };

    private readonly ConcurrentQueue<SandboxCall> _calls = new();
    private readonly ConcurrentDictionary<(string Customer, string Tool), Fault> _faults = new();
    private readonly ConcurrentDictionary<(string RunId, string Tool), string> _done = new();
    private readonly ConcurrentDictionary<(string RunId, string Tool), bool> _undone = new();
    private int _number;

    /// <summary>Returns the calls for a run, in the order in which they came.</summary>
    public IEnumerable<SandboxCall> Calls(string runId) => _calls.Where(call => call.RunId == runId);

    /// <summary>Makes a tool fail for a customer: <c>refuse</c>, <c>fail</c> or <c>hold</c>; <see langword="null"/> mends it.</summary>
    public void Set(string customer, string tool, string? fault)
    {
        if (_faults.TryRemove((customer, tool), out var mended))
        {
            mended.Mended.TrySetResult(); // what was held goes on
        }

        if (fault is not null)
        {
            _faults[(customer, tool)] = new Fault(fault, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }
    }

    public async ValueTask<string> CallAsync(string tool, string key, ToolCall call, CancellationToken cancellationToken)
    {
        var outcome = "cancelled";
        try
        {
            while (_faults.TryGetValue((call.Order.Customer, tool), out var held) && held.Kind == "hold")
            {
                await held.Mended.Task.WaitAsync(cancellationToken);
            }

            outcome = Do(tool, key, call, _faults.GetValueOrDefault((call.Order.Customer, tool))?.Kind);
            return outcome;
        }
        catch (Exception failure) when (failure is ToolRefusedException or HttpRequestException)
        {
            outcome = failure.Message;
            throw;
        }
        finally
        {
            _calls.Enqueue(new SandboxCall(call.RunId, tool, key, outcome));
            while (_calls.Count > MaxCalls && _calls.TryDequeue(out _))
            {
            }
        }
    }

    private string Do(string tool, string key, ToolCall call, string? fault)
    {
        if (fault is not null)
        {
            throw fault == "refuse" ? new ToolRefusedException("refused") : new HttpRequestException("unavailable");
        }

        if (Undoing.TryGetValue(tool, out var undone))
        {
            _undone[(call.RunId, undone)] = true;
        }
        else if (_undone.ContainsKey((call.RunId, tool)))
        {
            throw new ToolRefusedException("undone before"); // a call that was on its way when its run was given up
        }

        return _done.GetOrAdd((call.RunId, key), _ => $"{tool}-{Interlocked.Increment(ref _number)}");
    }

    private sealed record Fault(string Kind, TaskCompletionSource Mended);
}
