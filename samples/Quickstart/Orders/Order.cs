namespace Quickstart.Orders;

/// <summary>What a customer asks for; the saga's input.</summary>
internal sealed record Order(string Id, string Customer, decimal Amount);

internal sealed record Payment(string TransactionId, decimal Amount);

internal sealed record Reservation(string ReservationId);

internal sealed record Email(string MessageId);

internal sealed record CrmRevision(string RevisionId);
