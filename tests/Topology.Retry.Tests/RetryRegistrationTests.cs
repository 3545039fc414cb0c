using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Topology.Retry.Tests;

public sealed class RetryRegistrationTests
{
    [Fact]
    public void The_four_profiles_of_the_specification_exist_with_its_numbers()
    {
        using var provider = new ServiceCollection().AddTopologyRetry().BuildServiceProvider();
        var policies = provider.GetRequiredService<IRetryPolicies>();

        Assert.Equal(["api_calls", "database_operations", "default", "tool_calls"], policies.Names);
        Assert.Equal([3, 5, 3, 3], new[] { "default", "api_calls", "tool_calls", "database_operations" }.Select(name => policies.Get(name).MaxAttempts));
    }

    [Fact]
    public void A_keyed_policy_is_the_policy_of_that_name()
    {
        using var provider = new ServiceCollection().AddTopologyRetry().BuildServiceProvider();

        Assert.Same(provider.GetRequiredService<IRetryPolicies>().Get("api_calls"), provider.GetRequiredKeyedService<RetryPolicy>("api_calls"));
    }

    [Fact]
    public void An_unknown_name_is_an_error_that_lists_the_known_names_and_the_nearest()
    {
        using var provider = new ServiceCollection().AddTopologyRetry().BuildServiceProvider();

        var unknown = Assert.Throws<UnknownRetryProfileException>(() => provider.GetRequiredKeyedService<RetryPolicy>("api_call"));

        Assert.Equal("api_calls", unknown.Nearest);
        Assert.Equal(
            "There is no retry profile 'api_call'; did you mean 'api_calls'? Known profiles: api_calls, database_operations, default, tool_calls.",
            unknown.Message);
    }

    [Fact]
    public void A_profile_configured_before_the_registration_keeps_what_was_set()
    {
        using var provider = new ServiceCollection()
            .Configure<RetryProfileOptions>("api_calls", options => options.MaxAttempts = 7)
            .AddTopologyRetry()
            .BuildServiceProvider();

        Assert.Equal(7, provider.GetRequiredKeyedService<RetryPolicy>("api_calls").MaxAttempts);
    }

    [Fact]
    public void Registering_twice_is_registering_once()
    {
        var once = new ServiceCollection().AddTopologyRetry();
        var twice = new ServiceCollection().AddTopologyRetry().AddTopologyRetry();

        Assert.Equal(once.Count(IsOurs), twice.Count(IsOurs));

        static bool IsOurs(ServiceDescriptor service) => service.ServiceType.FullName!.Contains("Topology", StringComparison.Ordinal)
            && !service.ServiceType.Name.StartsWith("IConfigureOptions", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_reports_every_mistake_of_every_profile_at_once()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddTopologyRetry();
        builder.Services.Configure<RetryProfileOptions>("api_calls", options => options.MaxAttempts = 0);
        builder.Services.Configure<RetryProfileOptions>("tool_calls", options => options.ExponentialBase = 0.5);
        using var host = builder.Build();

        var invalid = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Equal(
            [
                "Retry profile 'api_calls': max_attempts is 0; it must be 1 to 100.",
                "Retry profile 'tool_calls': exponential_base is 0.5; it must be 1 to 10.",
            ],
            invalid.Failures);
    }
}
