using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Primitives;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Reads one topology file, keeps each key's place, and keeps the last readable content while the file cannot be read.</summary>
internal sealed class TopologyYamlProvider : ConfigurationProvider, IDisposable
{
    /// <summary>The section under which a file's keys appear.</summary>
    public const string Section = "Topology";

    private readonly TopologyYamlSource _source;
    private readonly string _fullPath;
    private readonly Lock _reading = new();
    private PhysicalFileProvider? _files;
    private IDisposable? _watch;
    private ITimer? _quiet;
    private bool _loaded;

    public TopologyYamlProvider(TopologyYamlSource source, string fullPath)
    {
        _source = source;
        _fullPath = fullPath;
    }

    /// <summary>Gets the file as it was named.</summary>
    public string Name => _source.Path;

    /// <summary>Gets the file's documents as last read.</summary>
    public IReadOnlyList<RawSetting> Documents { get; private set; } = [];

    /// <summary>Gets what is wrong with the file itself, its keys and values aside.</summary>
    public IReadOnlyList<TopologyDiagnostic> Diagnostics { get; private set; } = [];

    public override void Load()
    {
        lock (_reading)
        {
            if (!_loaded && _source.ReloadOnChange)
            {
                // Before the reading, so that no change falls between the two.
                Watch();
            }

            YamlFault? fault = Read(first: !_loaded);
            if (fault is not null && !_loaded)
            {
                Dispose();
                throw new TopologyConfigurationException(Diagnostics);
            }

            _loaded = true;
        }
    }

    public void Dispose()
    {
        _watch?.Dispose();
        _quiet?.Dispose();
        _files?.Dispose();
    }

    public override string ToString() => $"topology file '{_source.Path}'";

    private YamlFault? Read(bool first)
    {
        try
        {
            if (first && _source.Optional && !File.Exists(_fullPath))
            {
                return null;
            }

            string text = YamlText.Decode(ReadBytes());
            if (System.IO.Path.GetExtension(_fullPath) is ".md" or ".markdown")
            {
                text = YamlText.FromMarkdown(text);
            }

            (IReadOnlyList<RawSetting> documents, IReadOnlyList<TopologyDiagnostic> diagnostics) = YamlTree.Read(text, _source.Path);
            if (documents.Count == 0 && diagnostics.Count == 0 && !first)
            {
                // Many programs truncate before they write: an empty file is never what a running service should take over.
                throw new YamlFault(DiagnosticCodes.Empty, 1, 1, "the file has become empty");
            }

            Data = Flatten(documents);
            Documents = documents;
            Diagnostics = diagnostics;
            return null;
        }
        catch (YamlFault fault)
        {
            var origin = new SettingOrigin(_source.Path, fault.Line, fault.Column);
            Diagnostics = [new TopologyDiagnostic(TopologyDiagnosticSeverity.Error, fault.Code, origin, "", fault.Message)];
            return fault;
        }
    }

    private byte[] ReadBytes()
    {
        try
        {
            using var file = new FileStream(_fullPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var bytes = new MemoryStream();
            byte[] buffer = new byte[16 * 1024];
            int count;
            while (bytes.Length <= YamlText.MaxBytes && (count = file.Read(buffer, 0, buffer.Length)) > 0)
            {
                bytes.Write(buffer, 0, count);
            }

            return bytes.ToArray();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new YamlFault(DiagnosticCodes.FileNotFound, 1, 1, $"the file does not exist; looked for {string.Join(" and ", _source.Places(_fullPath))}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new YamlFault(DiagnosticCodes.FileUnreadable, 1, 1, $"the file cannot be read: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private void Watch()
    {
        string? directory = System.IO.Path.GetDirectoryName(_fullPath);
        if (directory is null || !Directory.Exists(directory))
        {
            return;
        }

        _files = new PhysicalFileProvider(directory, Microsoft.Extensions.FileProviders.Physical.ExclusionFilters.None);
        if (new FileInfo(_fullPath).LinkTarget is not null)
        {
            // Kubernetes swaps a link beside the file of a mounted ConfigMap: no event names the file itself.
            _files.UsePollingFileWatcher = true;
            _files.UseActivePolling = true;
        }

        _quiet = _source.Time.CreateTimer(_ => Reload(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _watch = ChangeToken.OnChange(
            () => _files.Watch(System.IO.Path.GetFileName(_fullPath)), () => _quiet.Change(_source.QuietPeriod, Timeout.InfiniteTimeSpan));
    }

    private void Reload()
    {
        lock (_reading)
        {
            Read(first: false);
        }

        OnReload();
    }

    private static Dictionary<string, string?> Flatten(IReadOnlyList<RawSetting> documents)
    {
        var data = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (RawSetting document in documents)
        {
            Flatten(document, Section, data);
        }

        return data;
    }

    private static void Flatten(RawSetting node, string path, Dictionary<string, string?> data)
    {
        if (node.Children.Count == 0)
        {
            data[path] = node.Value;
        }

        foreach (RawEntry entry in node.Children)
        {
            Flatten(entry.Node, ConfigurationPath.Combine(path, entry.Key), data);
        }
    }
}
