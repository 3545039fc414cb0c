using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.Core;
using StackExchange.Redis;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Saga;

namespace Topology.Resilience.Internal;

/// <summary>Decides where this process keeps its state, and registers it anew whenever something more is named.</summary>
/// <remarks>What code names beats the file and the connection strings; memory that nobody named is for Development.</remarks>
internal sealed class TopologyStores(IServiceCollection services, IConfiguration configuration)
{
    private readonly Dictionary<Type, (TopologyStore Store, List<ServiceDescriptor> Mine)> _chosen = [];
    private readonly HashSet<string> _named = new(StringComparer.Ordinal);

    public static TopologyStores Of(ITopologyBuilder builder) =>
        (TopologyStores)builder.Services.First(service => service.ServiceType == typeof(TopologyStores)).ImplementationInstance!;

    /// <summary>Code names a store.</summary>
    public void Name(string store)
    {
        _named.Add(store);
        Apply();
    }

    public void Apply()
    {
        Use<IIdempotencyStore>(
            Choose(TopologyStore.Redis, configuration["Topology:idempotency:storage"]),
            ServerStores.AddRedisKeys,
            static services => services.AddInMemoryIdempotencyStore());

        Use<ISagaJournal>(
            Choose(TopologyStore.Nats, null),
            ServerStores.AddNatsSagas,
            static services => services.AddInMemorySagaStore());
        Use<IDeadLetterQueueProvider>(
            Choose(TopologyStore.Nats, null),
            ServerStores.AddNatsQueues,
            static services => services.AddInMemoryDeadLetterQueues());
    }

    /// <summary>Where a kind of state is kept in the end; <see langword="null"/> when the application registered its own place for it.</summary>
    public TopologyStore? Of<TStore>() =>
        _chosen[typeof(TStore)] is var (store, mine)
        && services.Last(service => service.ServiceType == typeof(TStore) && !service.IsKeyedService) is var used && mine.Contains(used)
            ? store : null;

    /// <summary>Returns the text of <c>ConnectionStrings:{server}</c>.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public string ConnectionString(string server) =>
        configuration.GetConnectionString(server) is { } text && !string.IsNullOrWhiteSpace(text) ? text : throw NoConnection(server);

    /// <summary>Refuses a store on a server that nobody named.</summary>
    /// <exception cref="InvalidOperationException">There is no connection for it.</exception>
    public void RequireConnection(TopologyStore store)
    {
        if (store.Name is TopologyStore.Redis or TopologyStore.Nats && !HasConnection(store.Name))
        {
            throw NoConnection(store.Name);
        }
    }

    private static Type Connection(string server) => server == TopologyStore.Redis ? typeof(IConnectionMultiplexer) : typeof(INatsConnection);

    private static InvalidOperationException NoConnection(string server) => new(
        $"""
        The store '{server}' is named, but no server. Choose:
            ConnectionStrings:{server} in appsettings.json, or ConnectionStrings__{server} in the environment
            builder.Services.AddSingleton<{Connection(server).Name}>(...)   // a connection of your own
        """);

    private bool HasConnection(string server) =>
        !string.IsNullOrWhiteSpace(configuration.GetConnectionString(server))
        || services.Any(service => service.ServiceType == Connection(server) && !ServerStores.IsOurs(service));

    private TopologyStore Choose(string server, string? inFile)
    {
        if (_named.Contains(server))
        {
            return new(server, IsNamed: true);
        }

        if (_named.Contains(TopologyStore.Memory) || string.Equals(inFile, TopologyStore.Memory, StringComparison.OrdinalIgnoreCase))
        {
            return new(TopologyStore.Memory, IsNamed: true);
        }

        return HasConnection(server) ? new(server, IsNamed: true) : new(TopologyStore.Memory, IsNamed: false);
    }

    private void Use<TStore>(TopologyStore store, Action<IServiceCollection> addServer, Action<IServiceCollection> addMemory)
    {
        if (_chosen.TryGetValue(typeof(TStore), out var before))
        {
            if (before.Store.Name == store.Name)
            {
                _chosen[typeof(TStore)] = (store, before.Mine);
                return;
            }

            foreach (var mine in before.Mine)
            {
                services.Remove(mine);
            }
        }

        HashSet<ServiceDescriptor> others = [.. services];
        (store.Name == TopologyStore.Memory ? addMemory : addServer)(services);
        _chosen[typeof(TStore)] = (store, [.. services.Where(service => !others.Contains(service))]);
    }
}
