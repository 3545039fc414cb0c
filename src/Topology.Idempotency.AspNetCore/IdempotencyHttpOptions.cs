namespace Topology.Idempotency.AspNetCore;

/// <summary>How the <c>Idempotency-Key</c> header is read and answered, for all endpoints of this process.</summary>
public sealed class IdempotencyHttpOptions
{
    /// <summary>Gets or sets the name of the request header.</summary>
    /// <value>The default is <c>Idempotency-Key</c>.</value>
    public string HeaderName { get; set; } = "Idempotency-Key";

    /// <summary>Gets or sets whether the header must be a structured-field string in double quotes (RFC 8941), as the draft says.</summary>
    /// <value>The default is <see langword="false"/>: a bare key is read too.</value>
    public bool RequireQuotedKey { get; set; }

    /// <summary>Gets or sets the most characters a key may have.</summary>
    /// <value>The default is 255; the range is 1 to 255.</value>
    public int MaxKeyLength { get; set; } = 255;

    /// <summary>Gets or sets whether callers without identity may use keys. They share one scope: anyone who knows a key gets its result.</summary>
    /// <value>The default is <see langword="false"/>: they are answered 401.</value>
    public bool AllowAnonymous { get; set; }

    /// <summary>Gets or sets the claim types that name the tenant; the first one present counts.</summary>
    /// <value>The default is <c>tenant_id</c>, <c>tid</c>. A caller without either has the tenant <c>-</c>.</value>
    public IList<string> TenantClaimTypes { get; set; } = ["tenant_id", "tid"];

    /// <summary>Gets or sets what problem types start with.</summary>
    /// <value>The default is <c>urn:multiagent-topology:idempotency:</c>; an absolute URI.</value>
    public string ProblemTypeBase { get; set; } = "urn:multiagent-topology:idempotency:";

    /// <summary>Gets or sets a page for people about the keys of this API, sent as <c>Link: rel="describedby"</c> with each problem.</summary>
    /// <value>The default is <see langword="null"/>: no link.</value>
    public Uri? DocumentationUrl { get; set; }
}
