using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>An embedded script: sent by its hash, and by its text to a server that does not know it yet.</summary>
internal sealed class Script
{
    private const int MostSpare = 64;

    private readonly byte[] _hash;
    private readonly int _arguments;
    private readonly ConcurrentQueue<ScriptCall> _spare = new();

    public Script(string name, int arguments = 0)
    {
        using var stream = typeof(Script).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The script {name} is not embedded.");
        using var reader = new StreamReader(stream);
        Text = reader.ReadToEnd();
#pragma warning disable CA5350 // SHA-1 is how Redis names scripts
        _hash = SHA1.HashData(Encoding.UTF8.GetBytes(Text));
#pragma warning restore CA5350
        _arguments = arguments;
    }

    public string Text { get; }

    /// <summary>Gets a call to fill in; <see cref="AskAsync"/> takes it back.</summary>
    public ScriptCall On(RedisKey name)
    {
        if (!_spare.TryDequeue(out var call))
            call = new ScriptCall(_arguments);
        call.Keys[0] = name;
        return call;
    }

    // By hash the client has nothing to look up; by text it loads the script, which a server needs once and after SCRIPT FLUSH.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T> AskAsync<T>(IDatabase database, ScriptCall call, Func<RedisResult, T> read, CancellationToken cancellationToken)
    {
        try
        {
            RedisResult answer;
            try
            {
                answer = await database.ScriptEvaluateAsync(_hash, call.Keys, call.Arguments).WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (RedisServerException e) when (e.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
            {
                answer = await database.ScriptEvaluateAsync(Text, call.Keys, call.Arguments).WaitAsync(cancellationToken).ConfigureAwait(false);
            }

            // Only now: a call that failed or was given up may still be waiting to be written.
            call.Clear();
            if (_spare.Count < MostSpare)
                _spare.Enqueue(call);
            return read(answer);
        }
        catch (Exception e) when (RedisFailure.Is(e))
        {
            throw RedisFailure.Wrap(e);
        }
    }
}
