using System.Text;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Topology.Idempotency.Internal;

/// <summary>The connection as the store needs it: made when it is first used, with the names of records and the server's time.</summary>
internal sealed class RedisDatabase(Func<IConnectionMultiplexer> connection, IOptions<IdempotencyOptions> options, TimeProvider time)
{
    private readonly byte[] _prefix = Encoding.UTF8.GetBytes(options.Value.KeyPrefix); // as bytes it is prepended without a copy
    private readonly ServerClock _clock = new(time);
    private IDatabase? _commands;

    public IDatabase Commands
    {
        get
        {
            if (_commands is { } commands)
                return commands;
            IConnectionMultiplexer made;
            try
            {
                made = connection();
            }
            catch (Exception e) when (RedisFailure.Is(e))
            {
                throw RedisFailure.Wrap(e);
            }

            made.ConnectionRestored += (_, _) => _clock.Forget();
            made.ConfigurationChanged += (_, _) => _clock.Forget();
            return _commands = made.GetDatabase();
        }
    }

    public ValueTask<DateTimeOffset> NowAsync() => _clock.NowAsync(Commands);

    public RedisKey NameOf(IdempotencyRecordKey key) => new RedisKey(key.Value).Prepend(_prefix);
}
