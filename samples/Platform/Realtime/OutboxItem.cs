namespace Platform.Realtime;

/// <summary>One thing to send: a state, or text.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="State">The state; <see langword="null"/> for text.</param>
/// <param name="Skipped">How many states of the topic were replaced by this one.</param>
/// <param name="Text">The text; <see langword="null"/> when some was lost, and the state is all there is.</param>
internal readonly record struct OutboxItem(string Topic, StateFrame? State, int Skipped, byte[]? Text);
