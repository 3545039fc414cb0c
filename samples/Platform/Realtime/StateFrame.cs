namespace Platform.Realtime;

/// <summary>A state on its way to clients: written once, shared by all connections that follow its topic.</summary>
/// <param name="Sequence">Its place in the stream.</param>
/// <param name="IsTerminal">Whether it is the end of a run: then it reaches every client.</param>
/// <param name="Json">The state.</param>
internal sealed record StateFrame(ulong Sequence, bool IsTerminal, ReadOnlyMemory<byte> Json);
