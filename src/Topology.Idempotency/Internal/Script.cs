using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>An embedded script: sent by its hash, and by its text to a server that does not know it yet.</summary>
internal sealed class Script
{
    private readonly byte[] _hash;

    public Script(string name)
    {
        using var stream = typeof(Script).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The script {name} is not embedded.");
        using var reader = new StreamReader(stream);
        Text = reader.ReadToEnd();
#pragma warning disable CA5350 // SHA-1 is how Redis names scripts
        _hash = SHA1.HashData(Encoding.UTF8.GetBytes(Text));
#pragma warning restore CA5350
    }

    public string Text { get; }

    // By hash the client has nothing to look up; by text it loads the script, which a server needs once and after SCRIPT FLUSH.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T> AskAsync<T>(
        IDatabase database, RedisKey name, RedisValue[] arguments, Func<RedisResult, T> read, CancellationToken cancellationToken)
    {
        try
        {
            RedisResult answer;
            try
            {
                answer = await database.ScriptEvaluateAsync(_hash, [name], arguments).WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (RedisServerException e) when (e.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
            {
                answer = await database.ScriptEvaluateAsync(Text, [name], arguments).WaitAsync(cancellationToken).ConfigureAwait(false);
            }

            return read(answer);
        }
        catch (Exception e) when (RedisFailure.Is(e))
        {
            throw RedisFailure.Wrap(e);
        }
    }
}
