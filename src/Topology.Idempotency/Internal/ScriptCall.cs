using System.Buffers;
using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>What one call of a script sends; used again once its answer is there.</summary>
internal sealed class ScriptCall(int arguments)
{
    private byte[]? _rented;

    public RedisKey[] Keys { get; } = new RedisKey[1];

    public RedisValue[] Arguments { get; } = new RedisValue[arguments];

    /// <summary>Gets room for arguments, for as long as the call.</summary>
    public Memory<byte> Rent(int length)
    {
        _rented = ArrayPool<byte>.Shared.Rent(length);
        return _rented.AsMemory(0, length);
    }

    public void Clear()
    {
        Array.Clear(Keys);
        Array.Clear(Arguments);
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
    }
}
