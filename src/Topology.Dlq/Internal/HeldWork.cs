namespace Topology.Dlq.Internal;

/// <summary>A message in hand in this process.</summary>
internal sealed class HeldWork(IWorkDelivery delivery)
{
    private long _tryBegan;

    public IWorkDelivery Delivery => delivery;

    /// <summary>Gets or sets how many places it takes: one, or all as a suspect.</summary>
    public int Places { get; set; } = 1;

    /// <summary>Gets or sets the timestamp at which the handler was started; 0 while it does not run.</summary>
    public long TryBegan
    {
        get => Volatile.Read(ref _tryBegan);
        set => Volatile.Write(ref _tryBegan, value);
    }
}
