using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>Options with everything applied that is not faulty, code included, but not validated: checks look at what would be.</summary>
internal static class Unvalidated
{
    public static TOptions Options<TOptions>(string name, TOptions options, IServiceProvider services)
        where TOptions : class
    {
        foreach (IConfigureOptions<TOptions> configure in services.GetServices<IConfigureOptions<TOptions>>())
        {
            if (configure is IConfigureNamedOptions<TOptions> named)
            {
                named.Configure(name, options);
            }
            else if (name.Length == 0)
            {
                configure.Configure(options);
            }
        }

        return options;
    }
}
