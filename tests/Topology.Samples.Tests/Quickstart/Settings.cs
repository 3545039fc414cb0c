namespace Topology.Samples.Tests.Quickstart;

/// <summary>A changed copy of the quickstart's topology.yaml, in a file of its own.</summary>
internal sealed class Settings : IDisposable
{
    private Settings(string text)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"topology-{Guid.NewGuid():N}.yaml");
        File.WriteAllText(Path, text);
    }

    public static string Original { get; } =
        File.ReadAllText(System.IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "Quickstart", System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "topology.yaml"));

    public string Path { get; }

    public static Settings Of(string text) => new(text);

    public static Settings With(string from, string to)
    {
        Assert.Contains(from, Original, StringComparison.Ordinal);
        return new(Original.Replace(from, to, StringComparison.Ordinal));
    }

    public void Dispose() => File.Delete(Path);
}
