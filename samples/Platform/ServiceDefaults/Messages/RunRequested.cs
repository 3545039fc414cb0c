namespace Platform.ServiceDefaults.Messages;

/// <summary>A run that was accepted: api-gateway to orchestrator. A pure function of the request, so that sending it twice is sending it once.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Order">What is to be done.</param>
public sealed record RunRequested(string RunId, string Tenant, Order Order);
