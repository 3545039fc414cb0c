namespace Topology.Idempotency.Internal;

/// <summary>The scripts as they are embedded, one per operation.</summary>
internal static class Scripts
{
    public static readonly string Contend = Read("contend.lua");
    public static readonly string Finish = Read("finish.lua");
    public static readonly string Renew = Read("renew.lua");
    public static readonly string Seal = Read("seal.lua");
    public static readonly string Resolve = Read("resolve.lua");
    public static readonly string Info = Read("info.lua");

    private static string Read(string name)
    {
        using var stream = typeof(Scripts).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The script {name} is not embedded.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
