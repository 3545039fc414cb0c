using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Topology.Samples.Tests.Deploy;

/// <summary>Rendered manifests, read strictly.</summary>
internal sealed partial class ManifestSet
{
    /// <summary>The namespace of the platform.</summary>
    public const string Namespace = "topology";

    private static readonly Dictionary<string, Type> CustomTypes = new()
    {
        ["keda.sh/v1alpha1/ScaledObject"] = typeof(ScaledObject),
        ["gateway.networking.k8s.io/v1/Gateway"] = typeof(Gateway),
        ["gateway.networking.k8s.io/v1/HTTPRoute"] = typeof(HttpRoute),
        ["monitoring.coreos.com/v1/PodMonitor"] = typeof(PodMonitor),
        ["monitoring.coreos.com/v1/PrometheusRule"] = typeof(PrometheusRule),
        ["cert-manager.io/v1/Issuer"] = typeof(Issuer),
    };

    // A document is read once, whatever is planted in its neighbours.
    private static readonly ConcurrentDictionary<string, (List<object> Items, List<Finding> Findings)> Read = new();

    private readonly List<object> _objects = [];
    private readonly List<Finding> _unreadable = [];

    private ManifestSet(string text) => Text = text;

    public string Text { get; }

    /// <summary>Gets what the strict reader refused; nothing else is known about such an object.</summary>
    public IReadOnlyList<Finding> Unreadable => _unreadable;

    public IEnumerable<V1Deployment> Deployments => Of<V1Deployment>();

    public IEnumerable<Workload> Workloads =>
    [
        .. Of<V1Deployment>().Select(item => new Workload(item.Metadata, item.Spec.Selector, item.Spec.Template, item.Spec.Replicas, IsState: false)),
        .. Of<V1StatefulSet>().Select(item => new Workload(item.Metadata, item.Spec.Selector, item.Spec.Template, item.Spec.Replicas, IsState: true)),
    ];

    public IEnumerable<T> Of<T>() => _objects.OfType<T>();

    /// <summary>Gets what every object is called.</summary>
    public IEnumerable<(string Kind, V1ObjectMeta Metadata)> Names => _objects.Select(item =>
        ((string)((dynamic)item).Kind, (V1ObjectMeta)((dynamic)item).Metadata));

    /// <summary>Reads the documents of a text.</summary>
    public static ManifestSet Parse(string text)
    {
        var set = new ManifestSet(text);
        foreach (var document in Separator().Split(text).Where(document => document.Trim().Length > 0))
        {
            var (items, findings) = Read.GetOrAdd(document, ReadDocument);
            set._objects.AddRange(items);
            set._unreadable.AddRange(findings);
        }

        return set;
    }

    private static (List<object> Items, List<Finding> Findings) ReadDocument(string document)
    {
        try
        {
            return (KubernetesYaml.LoadAllFromString(document, CustomTypes, strict: true), FindBareScalars(document));
        }
        catch (Exception error) when (error is YamlException or KeyNotFoundException or InvalidCastException or FormatException or InvalidOperationException or NullReferenceException)
        {
            var head = Head().Matches(document).Select(match => match.Groups[1].Value);
            return ([], [new("schema", $"{string.Join('/', head)}: {error.Message} {error.InnerException?.Message}")]);
        }
    }

    // The reader turns 10 into "10" where a string belongs; the API server does not.
    private static List<Finding> FindBareScalars(string document)
    {
        var findings = new List<Finding>();
        var stream = new YamlStream();
        using var reader = new StringReader(document);
        stream.Load(reader);
        Visit(stream.Documents[0].RootNode, "");
        return findings;

        void Visit(YamlNode node, string path)
        {
            switch (node)
            {
                case YamlScalarNode scalar when StringMap().IsMatch(path) && scalar.Style == ScalarStyle.Plain && NotText().IsMatch(scalar.Value ?? ""):
                    findings.Add(new("strings", $"{path} is {scalar.Value}; it must be in quotes"));
                    break;
                case YamlMappingNode mapping:
                    foreach (var (key, value) in mapping.Children)
                        Visit(value, $"{path}/{key}");
                    break;
                case YamlSequenceNode sequence:
                    foreach (var item in sequence.Children)
                        Visit(item, $"{path}/-");
                    break;
            }
        }
    }

    [GeneratedRegex(@"^---\s*$", RegexOptions.Multiline)]
    private static partial Regex Separator();

    [GeneratedRegex(@"^(?:kind|  name): (\S+)", RegexOptions.Multiline)]
    private static partial Regex Head();

    [GeneratedRegex("(/(labels|annotations|matchLabels|nodeSelector|data|stringData)/[^/]+|/triggers/-/metadata/[^/]+|/env/-/value|/args/-|/command/-)$")]
    private static partial Regex StringMap();

    [GeneratedRegex(@"^(|~|null|true|false|yes|no|on|off|y|n|[-+]?(\d[\d_]*)?\.?\d+([eE][-+]?\d+)?|0x[0-9a-fA-F]+|0o?[0-7]+)$", RegexOptions.IgnoreCase)]
    private static partial Regex NotText();
}

/// <summary>What runs pods.</summary>
internal sealed record Workload(V1ObjectMeta Metadata, V1LabelSelector Selector, V1PodTemplateSpec Template, int? Replicas, bool IsState)
{
    public string Name => Metadata.Name;

    public IDictionary<string, string> Labels => Template.Metadata.Labels;

    public V1PodSpec Pod => Template.Spec;

    public V1Container Container => Template.Spec.Containers[0];

    public V1ContainerPort? Port(string nameOrNumber) => Template.Spec.Containers.SelectMany(container => container.Ports ?? [])
        .FirstOrDefault(port => port.Name == nameOrNumber || port.ContainerPort.ToString(System.Globalization.CultureInfo.InvariantCulture) == nameOrNumber);
}
