namespace Topology.Idempotency.Internal;

/// <summary>The scripts, one per operation, with how many arguments each takes.</summary>
internal static class Scripts
{
    public static readonly Script Contend = new("contend.lua", 7);
    public static readonly Script Finish = new("finish.lua", 3);
    public static readonly Script Renew = new("renew.lua", 2);
    public static readonly Script Seal = new("seal.lua", 1);
    public static readonly Script Resolve = new("resolve.lua", 4);
    public static readonly Script Info = new("info.lua");
}
