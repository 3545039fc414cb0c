using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Topology.Idempotency;

namespace Topology.Resilience.Tests.Glue;

public sealed class InMemoryGlueTests : GlueConformance
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch + TimeSpan.FromDays(20_000));

    private protected override Task<GlueHost> StartAsync(GlueWorld world, Action<IServiceCollection>? more = null) =>
        GlueHost.StartAsync(world, static topology => topology.UseInMemory(), _time, more);

    private protected override Task AgeAsync(GlueHost host, TimeSpan by)
    {
        _time.Advance(by);
        return Task.CompletedTask;
    }
}

/// <summary>A store of the application's own brings the records of sagas with it.</summary>
public sealed class OwnKeysGlueTests : GlueConformance
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch + TimeSpan.FromDays(20_000));

    private protected override Task<GlueHost> StartAsync(GlueWorld world, Action<IServiceCollection>? more = null) => GlueHost.StartAsync(
        world,
        static topology => topology.UseInMemory(),
        _time,
        services =>
        {
            var store = services.Last(service => service.ServiceType == typeof(IIdempotencyStore)).ImplementationType!;
            services.AddSingleton(provider => (IIdempotencyStore)ActivatorUtilities.CreateInstance(provider, store));
            more?.Invoke(services);
        });

    private protected override Task AgeAsync(GlueHost host, TimeSpan by)
    {
        _time.Advance(by);
        return Task.CompletedTask;
    }
}
