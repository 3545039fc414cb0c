namespace Topology.Retry;

/// <summary>A retry profile was asked for that does not exist.</summary>
public sealed class UnknownRetryProfileException : RetryException
{
    internal UnknownRetryProfileException(string profile, IReadOnlyCollection<string> knownProfiles, string? nearest)
        : base($"There is no retry profile '{profile}'{(nearest is null ? "" : $"; did you mean '{nearest}'?")}{(nearest is null ? "." : "")} Known profiles: {string.Join(", ", knownProfiles)}.")
    {
        Profile = profile;
        KnownProfiles = knownProfiles;
        Nearest = nearest;
    }

    /// <summary>Gets the name asked for.</summary>
    public string Profile { get; }

    /// <summary>Gets the names that exist, in ordinal order.</summary>
    public IReadOnlyCollection<string> KnownProfiles { get; }

    /// <summary>Gets the known name that is most like it, or <see langword="null"/> when none is near.</summary>
    public string? Nearest { get; }
}
