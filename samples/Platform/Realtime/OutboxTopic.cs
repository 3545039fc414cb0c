using System.Buffers;

namespace Platform.Realtime;

/// <summary>What waits for one client on one topic. Belongs to its outbox and is guarded by its lock.</summary>
internal sealed class OutboxTopic(string name)
{
    /// <summary>The latest state that was not sent, unless it is final.</summary>
    public StateFrame? Latest;

    /// <summary>Final states that were not sent. More than one when a run was begun anew meanwhile.</summary>
    public Queue<StateFrame>? Terminals;

    /// <summary>Text that was not sent, put together.</summary>
    public ArrayBufferWriter<byte>? Delta;

    /// <summary>Whether text was thrown away because the client did not keep up.</summary>
    public bool LostText;

    /// <summary>The highest sequence that was offered; nothing older comes after it.</summary>
    public ulong Offered;

    /// <summary>How many states were replaced by later ones since the last that was sent.</summary>
    public int Skipped;

    public bool IsQueued;
    public OutboxTopic? Next;

    public string Name => name;

    public bool IsEmpty => Latest is null && Terminals is not { Count: > 0 } && !LostText && Delta is not { WrittenCount: > 0 };
}
