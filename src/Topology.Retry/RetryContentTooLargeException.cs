namespace Topology.Retry;

/// <summary>A request that may be sent again has more content than may be kept for that.</summary>
public sealed class RetryContentTooLargeException : RetryException
{
    internal RetryContentTooLargeException(string client, int bound, Exception cause)
        : base(
            $"HttpClient '{client}': the request may be retried, but its content is larger than {bound} bytes (max_buffered_content) and cannot be kept. "
            + "Raise HttpRetryOptions.MaxBufferedContent, or set HttpRetryOptions.SendOnce in the request's Options.",
            cause) => Bound = bound;

    /// <summary>Gets the bound, in bytes.</summary>
    public int Bound { get; }
}
