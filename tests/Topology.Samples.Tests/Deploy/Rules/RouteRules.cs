using k8s.Models;
using Platform.ServiceDefaults;
using YamlDotNet.RepresentationModel;

namespace Topology.Samples.Tests.Deploy.Rules;

/// <summary>How requests come in: over TLS, to services that are there, by paths that match.</summary>
internal static class RouteRules
{
    // Of ingress-nginx 1.12 and later; an annotation it does not know it ignores without a word.
    private static readonly string[] NginxAnnotations = ["ssl-redirect", "force-ssl-redirect", "limit-rpm", "limit-rps", "limit-connections", "limit-burst-multiplier", "proxy-read-timeout", "proxy-send-timeout", "proxy-body-size"];

    // The longest a socket is silent: the server's ping, from the specification's heartbeat_interval.
    private static int Heartbeat => Specification.Seconds("websocket/heartbeat_interval");

    private static string RateLimit => ((YamlScalarNode)Specification.At("ingress/annotations")["nginx.ingress.kubernetes.io/rate-limit"]).Value!;

    private static HashSet<(string Path, string Service, int Port)> Specified { get; } =
    [
        .. Enumerable.Range(0, 2).Select(index => (
            Specification.Text($"ingress/routes/{index}/path").Replace("/*", "", StringComparison.Ordinal),
            Specification.Text($"ingress/routes/{index}/service"),
            Specification.Number($"ingress/routes/{index}/port"))),
    ];

    public static IEnumerable<Finding> Check(ManifestSet set)
    {
        var gateways = set.Of<Gateway>().ToList();
        var ingresses = set.Of<V1Ingress>().ToList();
        if ((gateways.Count == 0) == (ingresses.Count == 0))
            yield return new("routes", "there must be one way in: a Gateway or Ingresses");
        foreach (var finding in gateways.SelectMany(gateway => GatewayFindings(set, gateway)).Concat(ingresses.SelectMany(Ingress)))
            yield return finding;

        var routed = set.Of<HttpRoute>().SelectMany(route => route.Spec.Rules).SelectMany(rule => rule.Matches.SelectMany(match => rule.BackendRefs.Select(backend => (match.Path?.Value ?? "/", backend.Name, backend.Port ?? 0))))
            .Concat(ingresses.SelectMany(ingress => ingress.Spec.Rules).SelectMany(rule => rule.Http.Paths).Select(path => (path.Path, path.Backend.Service.Name, path.Backend.Service.Port.Number ?? 0)))
            .ToHashSet();
        if (!routed.SetEquals(Specified))
            yield return new("routes", $"routes are {string.Join(", ", routed)}; the specification says {string.Join(", ", Specified)}");
        foreach (var (_, service, port) in routed.Where(route => !set.Of<V1Service>().Any(item => item.Metadata.Name == route.Item2 && item.Spec.Ports.Any(offered => offered.Port == route.Item3))))
            yield return new("routes", $"a route leads to {service}:{port}, which is no Service and port");
        if (set.Of<V1Service>().Where(item => item.Metadata.Name == PlatformNames.Realtime).Any(item => item.Spec.Ports.Any(port => port.AppProtocol != "kubernetes.io/ws")))
            yield return new("routes", "the port of realtime does not say that it speaks WebSocket");
    }

    private static IEnumerable<Finding> GatewayFindings(ManifestSet set, Gateway gateway)
    {
        if (gateway.Metadata.Annotations?.Keys.Any(key => key is "cert-manager.io/cluster-issuer" or "cert-manager.io/issuer") != true)
            yield return new("tls", "nobody issues the certificate of the Gateway");
        if (gateway.Metadata.Annotations?.TryGetValue("cert-manager.io/issuer", out var issuer) == true && !set.Of<Issuer>().Any(item => item.Metadata.Name == issuer))
            yield return new("tls", $"there is no Issuer {issuer}");
        var https = gateway.Spec.Listeners.Where(listener => listener.Protocol == "HTTPS").ToList();
        if (https.Count == 0 || https.Any(listener => listener.Tls is not { Mode: "Terminate", CertificateRefs: [{ Name.Length: > 0 }, ..] } || listener.Port != 443 || string.IsNullOrEmpty(listener.Hostname)))
            yield return new("tls", "the Gateway has no listener on 443 that ends TLS for a named host");
        foreach (var route in set.Of<HttpRoute>())
        {
            var parents = route.Spec.ParentRefs.Select(parent => gateway.Metadata.Name == parent.Name ? gateway.Spec.Listeners.FirstOrDefault(listener => listener.Name == parent.SectionName) : null).ToList();
            if (parents.Contains(null) || parents.Count == 0)
                yield return new("routes", $"HTTPRoute {route.Metadata.Name} hangs on no one listener of the Gateway");
            var redirects = route.Spec.Rules.All(rule => rule.Filters.Any(filter => filter is { Type: "RequestRedirect", RequestRedirect: { Scheme: "https", StatusCode: 301 } }));
            if (parents.Any(parent => parent?.Protocol == "HTTP") && (!redirects || route.Spec.Rules.Any(rule => rule.BackendRefs.Count > 0)))
                yield return new("tls", $"HTTPRoute {route.Metadata.Name} answers without TLS");
            foreach (var path in route.Spec.Rules.SelectMany(rule => rule.Matches).Select(match => match.Path).Where(path => path is not { Type: "PathPrefix" } || path.Value.Contains('*', StringComparison.Ordinal)))
                yield return new("routes", $"HTTPRoute {route.Metadata.Name} matches '{path?.Value}' as {path?.Type}; a prefix has no star");
            if (route.Spec.Rules.Any(rule => rule.BackendRefs.Any(backend => backend.Name == PlatformNames.Realtime) && rule.Timeouts?.Request != "0s"))
                yield return new("routes", $"HTTPRoute {route.Metadata.Name} ends a socket at the request timeout of the Gateway");
        }

        if (!set.Of<HttpRoute>().Any(route => route.Spec.Rules.Any(rule => rule.Filters.Any(filter => filter.RequestRedirect?.Scheme == "https"))))
            yield return new("tls", "nothing redirects to TLS");
    }

    private static IEnumerable<Finding> Ingress(V1Ingress ingress)
    {
        var name = ingress.Metadata.Name;
        const string prefix = "nginx.ingress.kubernetes.io/";
        var annotations = new Dictionary<string, string>(ingress.Metadata.Annotations ?? new Dictionary<string, string>());
        foreach (var key in annotations.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal) && !NginxAnnotations.Contains(key[prefix.Length..])))
            yield return new("annotations", $"Ingress {name}: ingress-nginx does not know {key} and ignores it");
        if (!annotations.Keys.Any(key => key is "cert-manager.io/cluster-issuer" or "cert-manager.io/issuer") || annotations.GetValueOrDefault(prefix + "ssl-redirect") != "true")
            yield return new("tls", $"Ingress {name} has no certificate, or answers without TLS");
        if (string.IsNullOrEmpty(ingress.Spec.IngressClassName))
            yield return new("routes", $"Ingress {name} belongs to no controller");
        foreach (var rule in ingress.Spec.Rules)
        {
            if (ingress.Spec.Tls?.Any(tls => tls.Hosts.Contains(rule.Host) && tls.SecretName is { Length: > 0 }) != true)
                yield return new("tls", $"Ingress {name}: no certificate covers {rule.Host}");
            foreach (var path in rule.Http.Paths.Where(path => path.PathType != "Prefix" || path.Path.Contains('*', StringComparison.Ordinal)))
                yield return new("routes", $"Ingress {name} matches '{path.Path}' as {path.PathType}; a prefix has no star");
            if (rule.Http.Paths.Any(path => path.Backend.Service.Name == PlatformNames.Realtime)
                && !(int.TryParse(annotations.GetValueOrDefault(prefix + "proxy-read-timeout"), out var timeout) && timeout > 2 * Heartbeat))
            {
                yield return new("routes", $"Ingress {name} cuts a socket that is silent between two pings");
            }

            if (rule.Http.Paths.Any(path => path.Backend.Service.Name == PlatformNames.ApiGateway)
                && annotations.GetValueOrDefault(prefix + "limit-rpm") != RateLimit)
            {
                yield return new("numbers", $"Ingress {name} does not limit requests as the specification says");
            }
        }
    }
}
