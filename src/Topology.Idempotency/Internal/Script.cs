using System.Security.Cryptography;
using System.Text;

namespace Topology.Idempotency.Internal;

/// <summary>An embedded script: sent by its hash, and by its text to a server that does not know it yet.</summary>
internal sealed class Script
{
    public Script(string name)
    {
        using var stream = typeof(Script).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The script {name} is not embedded.");
        using var reader = new StreamReader(stream);
        Text = reader.ReadToEnd();
#pragma warning disable CA5350 // SHA-1 is how Redis names scripts
        Hash = SHA1.HashData(Encoding.UTF8.GetBytes(Text));
#pragma warning restore CA5350
    }

    public string Text { get; }

    public byte[] Hash { get; }
}
