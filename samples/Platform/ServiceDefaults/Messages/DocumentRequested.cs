namespace Platform.ServiceDefaults.Messages;

/// <summary>A document that is to be taken apart: api-gateway to ingestion.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Text">What it says.</param>
public sealed record DocumentRequested(string DocumentId, string Tenant, string Text);
