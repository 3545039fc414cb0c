namespace Topology.Retry.Internal;

/// <summary>The result of a call that has none.</summary>
internal readonly struct NoResult
{
    public static ValueTask<NoResult> Of(ValueTask call) => call.IsCompletedSuccessfully ? default : AwaitAsync(call);

    private static async ValueTask<NoResult> AwaitAsync(ValueTask call)
    {
        await call.ConfigureAwait(false);
        return default;
    }
}
