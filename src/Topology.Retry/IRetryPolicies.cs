using System.Diagnostics.CodeAnalysis;

namespace Topology.Retry;

/// <summary>The retry policies of this process, one per profile. Thread-safe.</summary>
/// <remarks>A policy is the same object for the life of the process; a changed profile applies to calls that start later.</remarks>
public interface IRetryPolicies
{
    /// <summary>Gets the names of the profiles, in ordinal order.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>Returns the policy of a profile.</summary>
    /// <param name="name">The name of the profile, such as <c>api_calls</c>; case matters.</param>
    /// <exception cref="UnknownRetryProfileException">There is no such profile.</exception>
    RetryPolicy Get(string name);

    /// <summary>Finds the policy of a profile.</summary>
    /// <param name="name">The name of the profile; case matters.</param>
    /// <param name="policy">The policy.</param>
    /// <returns>Whether there is such a profile.</returns>
    bool TryGet(string name, [NotNullWhen(true)] out RetryPolicy? policy);
}
