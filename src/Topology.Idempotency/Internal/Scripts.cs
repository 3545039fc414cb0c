namespace Topology.Idempotency.Internal;

/// <summary>The scripts, one per operation.</summary>
internal static class Scripts
{
    public static readonly Script Contend = new("contend.lua");
    public static readonly Script Finish = new("finish.lua");
    public static readonly Script Renew = new("renew.lua");
    public static readonly Script Seal = new("seal.lua");
    public static readonly Script Resolve = new("resolve.lua");
    public static readonly Script Info = new("info.lua");
}
