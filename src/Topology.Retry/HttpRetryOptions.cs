namespace Topology.Retry;

/// <summary>Bounds the retries of one named <see cref="HttpClient"/>. The options name is the client's name.</summary>
public sealed class HttpRetryOptions
{
    /// <summary>Set to <see langword="true"/> in <see cref="HttpRequestMessage.Options"/>, it sends this request once, unbuffered.</summary>
    public static readonly HttpRequestOptionsKey<bool> SendOnce = new("Topology.Retry.SendOnce");

    /// <summary>In <see cref="HttpRequestMessage.Options"/> of a repeated request: how often it was sent before, for trace enrichers.</summary>
    public static readonly HttpRequestOptionsKey<int> ResendCount = new("http.request.resend_count");

    /// <summary>Gets or sets the retry profile.</summary>
    /// <value>The default is <c>default</c>.</value>
    public string Profile { get; set; } = RetryProfileNames.Default;

    /// <summary>Gets or sets the largest request content, in bytes, that is kept in memory so that it can be sent again.</summary>
    /// <value>The default is 1 MiB; the range is 0 to 1 GiB.</value>
    /// <remarks>
    /// Content that can be written again by itself (bytes, text, forms, JSON) is not copied and not bounded. Past the bound
    /// <see cref="RetryContentTooLargeException"/> is thrown before anything is sent.
    /// </remarks>
    public int MaxBufferedContent { get; set; } = 1024 * 1024;
}
