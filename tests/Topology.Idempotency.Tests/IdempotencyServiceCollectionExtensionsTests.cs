using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Idempotency.Tests;

public sealed class IdempotencyServiceCollectionExtensionsTests
{
    [Fact]
    public void Adding_twice_is_adding_once()
    {
        var services = new ServiceCollection();
        Assert.Same(services, services.AddTopologyIdempotency());
        Assert.Same(services, services.AddInMemoryIdempotencyStore());
        services.AddTopologyIdempotency().AddInMemoryIdempotencyStore();

        Assert.Single(services, s => s.ServiceType == typeof(IIdempotentExecutor));
        Assert.Single(services, s => s.ServiceType == typeof(IIdempotencyStore));
        Assert.Single(services, s => s.ServiceType == typeof(TimeProvider));
        Assert.Single(services, s => s.ServiceType == typeof(IValidateOptions<IdempotencyOptions>));
        Assert.Single(services, s => s.ServiceType == typeof(IValidateOptions<InMemoryIdempotencyStoreOptions>));
    }

    [Theory]
    [InlineData("ttl", 659)]
    [InlineData("ttl", 366 * 86400 + 1)]
    [InlineData("tolerance", 0)]
    [InlineData("tolerance", 86401)]
    [InlineData("tolerance", 1771)]
    [InlineData("lease", 0)]
    [InlineData("lease", 3600)]
    public async Task A_wrong_value_stops_the_start_and_names_its_key(string key, int seconds)
    {
        using var host = Host(options =>
        {
            var value = TimeSpan.FromSeconds(seconds);
            if (key == "ttl")
                options.Ttl = value;
            else if (key == "tolerance")
                options.TimestampTolerance = value;
            else
                options.Lease = value;
        });

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(key == "tolerance" ? "timestamp_tolerance" : key, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ttl", 660)]
    [InlineData("ttl", 366 * 86400)]
    [InlineData("tolerance", 1)]
    [InlineData("tolerance", 1770)]
    [InlineData("lease", 1)]
    [InlineData("lease", 3599)]
    public async Task A_value_at_its_bound_starts(string key, int seconds)
    {
        using var host = Host(options =>
        {
            var value = TimeSpan.FromSeconds(seconds);
            if (key == "ttl")
                options.Ttl = value;
            else if (key == "tolerance")
                options.TimestampTolerance = value;
            else
                options.Lease = value;
        });

        await host.StartAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("{x}")]
    [InlineData("é")]
    public void A_prefix_a_redis_key_should_not_start_with_is_refused(string prefix)
    {
        using var host = Host(options => options.KeyPrefix = prefix);

        Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredService<IOptions<IdempotencyOptions>>().Value);
    }

    private static IHost Host(Action<IdempotencyOptions> configure)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddTopologyIdempotency(configure).AddInMemoryIdempotencyStore();
        return builder.Build();
    }
}
