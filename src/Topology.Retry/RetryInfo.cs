using System.Diagnostics.CodeAnalysis;

namespace Topology.Retry;

/// <summary>What happened before an exception that a <see cref="RetryPolicy"/> let through. Immutable.</summary>
/// <remarks>It travels in <see cref="Exception.Data"/> under <c>Topology.Retry</c>; the exception itself stays the original one.</remarks>
public sealed class RetryInfo
{
    private const string Key = "Topology.Retry";

    internal RetryInfo(string profile, int attempts, RetryStop stop, IReadOnlyList<Exception> earlier)
    {
        Profile = profile;
        Attempts = attempts;
        Stop = stop;
        Earlier = earlier;
    }

    /// <summary>Gets the name of the profile.</summary>
    public string Profile { get; }

    /// <summary>Gets the number of tries made.</summary>
    public int Attempts { get; }

    /// <summary>Gets why no further try was made.</summary>
    public RetryStop Stop { get; }

    /// <summary>Gets the failures before the last, oldest first; the newest 8 at most.</summary>
    public IReadOnlyList<Exception> Earlier { get; }

    /// <summary>Finds the facts attached to an exception.</summary>
    /// <param name="exception">The exception a policy let through.</param>
    /// <param name="info">The facts.</param>
    /// <returns>Whether there are any.</returns>
    public static bool TryGet(Exception exception, [NotNullWhen(true)] out RetryInfo? info)
    {
        ArgumentNullException.ThrowIfNull(exception);
        try
        {
            info = exception.Data is { } data ? data[Key] as RetryInfo : null;
        }
        catch (Exception)
        {
            info = null;
        }

        return info is not null;
    }

    /// <summary>Returns a line such as <c>profile api_calls, 5 tries, stopped: Attempts</c>.</summary>
    public override string ToString() => $"profile {Profile}, {Attempts} tries, stopped: {Stop}";

    // An exception type may override Data and refuse; the facts are then lost, the exception is not.
    internal static void Attach(Exception exception, RetryInfo info)
    {
        try
        {
            exception.Data[Key] = info;
        }
        catch (Exception)
        {
        }
    }
}
