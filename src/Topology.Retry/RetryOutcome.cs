using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace Topology.Retry;

/// <summary>How a call ended, without throwing.</summary>
/// <typeparam name="T">The type of the result.</typeparam>
public readonly struct RetryOutcome<T>
{
    internal RetryOutcome(RetryStop stop, T? value, Exception? error, int attempts, TimeSpan elapsed)
    {
        Stop = stop;
        Value = value;
        Error = error;
        Attempts = attempts;
        Elapsed = elapsed;
    }

    /// <summary>Gets why no further try was made.</summary>
    public RetryStop Stop { get; }

    /// <summary>Gets whether a try succeeded.</summary>
    public bool Succeeded => Stop == RetryStop.Succeeded;

    /// <summary>Gets the result; when the last try ended with a result that the classifier refused, that result.</summary>
    public T? Value { get; }

    /// <summary>Gets the failure, or <see langword="null"/> when the last try ended with a result.</summary>
    public Exception? Error { get; }

    /// <summary>Gets the number of tries made.</summary>
    public int Attempts { get; }

    /// <summary>Gets the time the whole call took, waits included.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>Returns <see cref="Value"/>, or throws <see cref="Error"/> with its own stack trace.</summary>
    [SuppressMessage("Usage", "CA1024:Use properties where appropriate", Justification = "It throws.")]
    public T GetValueOrThrow()
    {
        if (Error is not null)
        {
            ExceptionDispatchInfo.Throw(Error);
        }

        return Value!;
    }
}
