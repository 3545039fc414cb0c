namespace Topology.Idempotency.AspNetCore.Internal;

/// <summary>One kind of refusal, as RFC 9457 has it. The slug is part of the API.</summary>
internal sealed record Problem(int Status, string Slug, string Title, string Detail, bool Retryable = false)
{
    public static readonly Problem KeyMissing = new(400, "key-missing", "The Idempotency-Key header is missing", "Send the header with a key that is unique to this operation.");
    public static readonly Problem KeyMalformed = new(400, "key-malformed", "The Idempotency-Key header cannot be read", "Send exactly one header whose value is a quoted string of 1 to 255 visible ASCII characters.");
    public static readonly Problem KeyUntimed = new(400, "key-without-time", "The key carries no time", "Use a UUID version 7 or a key that ends in the time of the first attempt.");
    public static readonly Problem KeyOutOfTolerance = new(400, "key-time-out-of-range", "The time inside the key is out of range", "No result is kept under this key, and its time is too far from the server's to start the operation.");
    public static readonly Problem ScopeMissing = new(401, "caller-unknown", "The caller is not known", "Keys belong to a caller; authenticate first.");
    public static readonly Problem InProgress = new(409, "in-progress", "The first request with this key is still running", "Send the same request again after the time in Retry-After.", Retryable: true);
    public static readonly Problem Indeterminate = new(409, "outcome-unknown", "It is not known whether the operation happened", "The operation is not run again until somebody has found out.");
    public static readonly Problem Sealed = new(409, "sealed", "The key is sealed", "The operation was given up and is never run under this key.");
    public static readonly Problem ResultNotKept = new(409, "result-not-kept", "The operation is done, its response was not kept", "The response of the first request was streamed or too large to keep; the operation is not run again.");
    public static readonly Problem BodyTooLarge = new(413, "request-too-large", "The request is too large for a key", "The body is larger than this endpoint reads for a key.");
    public static readonly Problem Mismatch = new(422, "key-reused", "The key was used for another request", "Use a new key for a new request, and the same request for the same key.");
    public static readonly Problem Corrupt = new(500, "record-corrupt", "The stored response is damaged", "The operation is not run again.");
    public static readonly Problem StoreDown = new(503, "store-unavailable", "Keys cannot be checked at the moment", "The operation was not started.", Retryable: true);
}
