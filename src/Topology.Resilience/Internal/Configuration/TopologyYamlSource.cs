using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.FileProviders;

namespace Topology.Resilience.Internal.Configuration;

internal sealed class TopologyYamlSource(string path, bool optional, bool reloadOnChange) : IConfigurationSource
{
    public string Path => path;

    public bool Optional => optional;

    public bool ReloadOnChange => reloadOnChange;

    /// <summary>Gets the time a changed file must stay unchanged before it is read: editors and copies write in several steps.</summary>
    public TimeSpan QuietPeriod { get; init; } = TimeSpan.FromMilliseconds(250);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    private string Beside => System.IO.Path.GetFullPath(path, AppContext.BaseDirectory);

    public IConfigurationProvider Build(IConfigurationBuilder builder)
    {
        string root = (builder.GetFileProvider() as PhysicalFileProvider)?.Root ?? AppContext.BaseDirectory;
        string full = System.IO.Path.GetFullPath(path, root);
        return new TopologyYamlProvider(this, !File.Exists(full) && File.Exists(Beside) ? Beside : full);
    }

    /// <summary>The places at which a file that is not there was looked for.</summary>
    public IEnumerable<string> Places(string full) => new[] { full, Beside }.Distinct();
}
