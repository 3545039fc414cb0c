using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Topology.Resilience;

/// <summary>The settings hold errors. Nothing was started.</summary>
/// <remarks>
/// Thrown by <c>AddTopologyYaml</c> for a file that cannot be read at all, and at the host's start for everything else, with all errors
/// of all sources at once.
/// </remarks>
public sealed class TopologyConfigurationException : OptionsValidationException
{
    private const int MaxLines = 100;

    internal TopologyConfigurationException(IReadOnlyList<TopologyDiagnostic> diagnostics)
        : base("Topology", typeof(IConfiguration), diagnostics.Select(d => d.ToString()))
    {
        Diagnostics = diagnostics;
    }

    /// <summary>Gets the errors, in file order, those without a line last.</summary>
    public IReadOnlyList<TopologyDiagnostic> Diagnostics { get; }

    /// <summary>Gets the first hundred errors, one a line.</summary>
    public override string Message => Diagnostics.Count <= MaxLines
        ? string.Join('\n', Failures)
        : string.Create(CultureInfo.InvariantCulture, $"{string.Join('\n', Failures.Take(MaxLines))}\n… and {Diagnostics.Count - MaxLines} more errors");
}
