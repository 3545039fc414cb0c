using System.Collections.Concurrent;

namespace Topology.Samples.Tests.Deploy;

/// <summary>The manifests as <c>kubectl kustomize</c> renders them, each once.</summary>
internal static class Rendered
{
    public const string Dev = "dev";
    public const string Prod = "prod";

    /// <summary>Production behind ingress-nginx in place of the Gateway: what a cluster that still runs it would write.</summary>
    public const string Legacy = "legacy";

    private static readonly ConcurrentDictionary<string, Lazy<string>> Texts = new();

    public static TheoryData<string> All => [Dev, Prod, Legacy];

    public static string Text(string overlay) => Texts.GetOrAdd(overlay, name => new(() => Render(name))).Value;

    public static ManifestSet Set(string overlay) => ManifestSet.Parse(Text(overlay));

    /// <summary>Writes the text where a tool can read it, and returns the path.</summary>
    public static string File(string overlay)
    {
        var folder = Directory.CreateDirectory(Path.Combine(EngTool.Root, "artifacts", "manifests"));
        var path = Path.Combine(folder.FullName, overlay + ".yaml");
        System.IO.File.WriteAllText(path, Text(overlay));
        return path;
    }

    private static string Render(string overlay)
    {
        var folder = overlay == Legacy ? WriteLegacy() : Path.Combine(EngTool.Root, "samples", "deploy", "overlays", overlay);
        var (exitCode, output, errors) = EngTool.Run(EngTool.Kubectl.Value, "kustomize", folder);
        Assert.True(exitCode == 0, errors);
        Assert.True(errors.Length == 0, errors); // kustomize warns of what it will drop one day
        return output;
    }

    private static string WriteLegacy()
    {
        var prod = System.IO.File.ReadAllText(Path.Combine(EngTool.Root, "samples/deploy/overlays/prod/kustomization.yaml"));
        var folder = Directory.CreateDirectory(Path.Combine(EngTool.Root, "artifacts/manifests/legacy"));
        System.IO.File.WriteAllText(
            Path.Combine(folder.FullName, "kustomization.yaml"),
            prod.Replace("components/gateway-api", "components/ingress-nginx", StringComparison.Ordinal).Replace("../../", "../../../samples/deploy/", StringComparison.Ordinal));
        return folder.FullName;
    }
}
