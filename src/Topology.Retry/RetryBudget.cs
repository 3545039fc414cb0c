using System.Runtime.CompilerServices;

namespace Topology.Retry;

/// <summary>A token bucket that bounds how much load retries add. Share one among the policies that call the same dependency. Lock-free.</summary>
/// <remarks>
/// It starts full. A retry takes tokens or is refused; a success gives some back. While the bucket is full a success only reads it,
/// so healthy traffic on many threads does not fight for a cache line.
/// </remarks>
public sealed class RetryBudget
{
    private RetryBudgetOptions _options;
    private int _tokens;

    /// <summary>Initializes a new instance of the <see cref="RetryBudget"/> class, full.</summary>
    /// <param name="options">The size; copied.</param>
    /// <param name="name">The name shown in telemetry and errors.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A value is outside its range.</exception>
    public RetryBudget(RetryBudgetOptions options, string name = "default")
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(name);
        Internal.RetryBudgetOptionsValidator.ThrowIfInvalid(name, options);
        Name = name;
        _options = Copy(options);
        _tokens = options.MaxTokens;
    }

    /// <summary>Gets the name shown in telemetry and errors.</summary>
    public string Name { get; }

    /// <summary>Gets the share of tokens left, 0 to 1.</summary>
    public double Level => Math.Clamp((double)Volatile.Read(ref _tokens) / _options.MaxTokens, 0, 1);

    /// <summary>Takes the tokens of one retry.</summary>
    /// <returns>Whether there were enough; otherwise nothing was taken.</returns>
    public bool TryTake()
    {
        var cost = _options.RetryCost;
        var tokens = Volatile.Read(ref _tokens);
        while (tokens >= cost)
        {
            var seen = Interlocked.CompareExchange(ref _tokens, tokens - cost, tokens);
            if (seen == tokens)
            {
                return true;
            }

            tokens = seen;
        }

        return false;
    }

    /// <summary>Gives back the tokens one success earns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Credit()
    {
        if (Volatile.Read(ref _tokens) < _options.MaxTokens)
        {
            Refill();
        }
    }

    /// <summary>Applies a new size; the tokens left stay, up to the new size.</summary>
    internal void Resize(RetryBudgetOptions options)
    {
        var old = _options;
        _options = Copy(options);
        var tokens = Volatile.Read(ref _tokens);
        while (true)
        {
            // A full bucket stays full: growing the size is not a debt.
            var wanted = tokens >= old.MaxTokens ? options.MaxTokens : Math.Min(tokens, options.MaxTokens);
            var seen = Interlocked.CompareExchange(ref _tokens, wanted, tokens);
            if (seen == tokens)
            {
                return;
            }

            tokens = seen;
        }
    }

    private static RetryBudgetOptions Copy(RetryBudgetOptions options) => new()
    {
        MaxTokens = options.MaxTokens,
        RetryCost = options.RetryCost,
        SuccessCredit = options.SuccessCredit,
    };

    private void Refill()
    {
        var options = _options;
        var tokens = Volatile.Read(ref _tokens);
        while (tokens < options.MaxTokens)
        {
            var wanted = Math.Min(options.MaxTokens, tokens + options.SuccessCredit);
            var seen = Interlocked.CompareExchange(ref _tokens, wanted, tokens);
            if (seen == tokens)
            {
                return;
            }

            tokens = seen;
        }
    }
}
