namespace Platform.Ingestion;

/// <summary>A document as it is stored.</summary>
/// <param name="Chunks">Its chunks, in order.</param>
/// <param name="Saves">How often it was stored.</param>
internal sealed record StoredDocument(IReadOnlyList<string> Chunks, long Saves);
