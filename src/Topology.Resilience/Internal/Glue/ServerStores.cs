using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using StackExchange.Redis;
using Topology.Dlq;
using Topology.Idempotency;
using Topology.Saga.JetStream;

namespace Topology.Resilience.Internal;

/// <summary>Registers the stores on servers, their connections and their health checks.</summary>
/// <remarks>A connection the application registers is used and left alone; one that is made here ends with the container.</remarks>
internal static class ServerStores
{
    private static readonly Func<IServiceProvider, IConnectionMultiplexer> s_redis = static provider => OpenRedis(provider);
    private static readonly Func<IServiceProvider, INatsConnection> s_nats = static provider => OpenNats(provider);

    public static bool IsOurs(ServiceDescriptor service) =>
        !service.IsKeyedService && (ReferenceEquals(service.ImplementationFactory, s_redis) || ReferenceEquals(service.ImplementationFactory, s_nats));

    public static void AddRedisKeys(IServiceCollection services)
    {
        services.TryAddSingleton(s_redis);
        services.AddRedisIdempotencyStore();
        AddCheck(services, RedisIdempotencyHealthCheck.Register(), endsByItself: true);
    }

    public static void AddNatsQueues(IServiceCollection services)
    {
        services.TryAddSingleton(s_nats);
        services.AddJetStreamDeadLetterQueues();
        services.AddOptions<JetStreamDeadLetterOptions>();

        // First, so that what the application configures wins.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<JetStreamDeadLetterOptions>, NatsProvisioning>());

        // Required: readiness waits for the server, as starting does not.
        AddCheck(services, DeadLetterNatsHealthCheck.Register(HealthStatus.Unhealthy), endsByItself: false);
    }

    public static void AddNatsSagas(IServiceCollection services)
    {
        services.TryAddSingleton(s_nats);
        services.AddJetStreamSagaStore();
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<JetStreamSagaOptions>, NatsProvisioning>());
        AddCheck(services, SagaNatsHealthCheck.Register(HealthStatus.Unhealthy), endsByItself: false);
    }

    // The connection is usable at once and connects in the background: nothing here waits for a server.
    private static ConnectionMultiplexer OpenRedis(IServiceProvider provider)
    {
        var options = ConfigurationOptions.Parse(ConnectionString(provider, TopologyStore.Redis));
        options.AbortOnConnectFail = false;
        options.ClientName ??= provider.GetService<IHostEnvironment>()?.ApplicationName;
        return ConnectionMultiplexer.Connect(options);
    }

    private static NatsConnection OpenNats(IServiceProvider provider) => new(NatsOpts.Default with
    {
        Url = ConnectionString(provider, TopologyStore.Nats),
        Name = provider.GetService<IHostEnvironment>()?.ApplicationName ?? NatsOpts.Default.Name,
        MaxReconnectRetry = -1,
        IgnoreAuthErrorAbort = true, // a password can be corrected on the server too
    });

    private static string ConnectionString(IServiceProvider provider, string server) =>
        provider.GetRequiredService<TopologyStores>().ConnectionString(server);

    // The application may have registered the same check, before or after.
    private static void AddCheck(IServiceCollection services, HealthCheckRegistration registration, bool endsByItself)
    {
        var create = registration.Factory;
        registration.Factory = provider => new AdvisedCheck(create(provider), provider.GetRequiredService<ServerAdvice>(), endsByItself);
        services.AddHealthChecks().Services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            if (options.Registrations.All(known => known.Name != registration.Name))
            {
                options.Registrations.Add(registration);
            }
        });
    }
}
