using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Topology.Dlq;
using Topology.Health;
using Topology.Idempotency;
using Topology.Resilience.Internal.Configuration;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Tests.Configuration;

public sealed class SchemaTests
{
    /// <summary>Members of the options that no file can hold: code, or names that are keys in the file.</summary>
    private static readonly HashSet<string> s_codeOnly =
    [
        "RetryProfileOptions.Classify", "RetryProfileOptions.OnRetry", "SagaCompensationStepOptions.CompensationAction", "DeadLetterQueueOptions.Consumer",
    ];

    public static TheoryData<string> Rows() => [.. TopologySchema.Groups.SelectMany(g => g.Rows.Where(r => r.Type.Min is not null).Select(r => $"{g.Path}.{r.Key}"))];

    [Theory]
    [MemberData(nameof(Rows))]
    public void The_schema_and_the_packages_validator_agree_on_the_bounds_of(string path)
    {
        (SettingGroup group, SettingRow row) = Find(path);
        Assert.Empty(Failures(group, row, row.Type.Min!));
        Assert.NotEmpty(Failures(group, row, Step(row.Type.Min!, -1)));
        if (row.Type.Max is { } max)
        {
            Assert.Empty(Failures(group, row, max));
            Assert.NotEmpty(Failures(group, row, Step(max, +1)));
        }
    }

    public static TheoryData<string> Texts() => [.. TopologySchema.Groups.SelectMany(g => g.Rows.Where(r => r.Type.Name == "text" && r.Set is not null).Select(r => $"{g.Path}.{r.Key}"))];

    [Theory]
    [MemberData(nameof(Texts))]
    public void The_packages_validator_allows_the_longest_text_of(string path)
    {
        (SettingGroup group, SettingRow row) = Find(path);
        int longest = int.Parse(row.Type.Allowed[3..].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        string text = (row.Key.EndsWith("path", StringComparison.Ordinal) ? "/" : "a") + new string('x', longest - 1);
        Assert.Null(row.Type.Read(text).Problem);
        Assert.NotNull(row.Type.Read(text + "x").Problem);
        Assert.Empty(Failures(group, row, row.IsList ? new[] { text } : text));
    }

    [Theory]
    [InlineData("retry_config.*.unknown", (UnknownFailure)99)]
    [InlineData("saga_compensations.*.steps[].compensation_action.on_failure", (SagaCompensationFailure)99)]
    [InlineData("dlq_config.streams[].storage", (DeadLetterStorage)99)]
    [InlineData("nats.provision", (TopologyProvisioning)99)]
    public void The_packages_validator_refuses_what_is_none_of_the_choices_of(string path, object value)
    {
        (SettingGroup group, SettingRow row) = Find(path);
        Assert.NotEmpty(Failures(group, row, value));
    }

    [Fact]
    public void Every_choice_that_an_option_holds_is_asked_of_its_validator() => Assert.Equal(
        4, TopologySchema.Groups.SelectMany(g => g.Rows).Count(r => r.Type.Name == "choice" && r.Set is not null));

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(double.Epsilon, true)]
    [InlineData(1.0, true)]
    [InlineData(1.0000000000000002, false)]
    [InlineData(double.NaN, false)]
    public void The_schema_and_the_package_agree_on_a_jitter_of(double proportion, bool allowed)
    {
        Assert.Equal(allowed, SettingType.Jitter.Read(proportion.ToString("R", System.Globalization.CultureInfo.InvariantCulture)).Problem is null);
        if (allowed)
        {
            _ = RetryJitter.Proportional(proportion);
        }
        else
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => RetryJitter.Proportional(proportion));
        }
    }

    [Fact]
    public void The_default_of_every_row_is_allowed_by_its_type()
    {
        foreach (SettingGroup group in TopologySchema.Groups)
        {
            foreach (SettingRow row in group.Rows.Where(r => !r.IsList && !r.Required))
            {
                object? value = row.Get?.Invoke(group.Defaults());
                string? text = row.Get is null ? row.Fallback : value is null ? null : row.Type.Write(value);
                if (text is null)
                {
                    Assert.True(row.Optional, $"{group.Path}.{row.Key} has no default");
                    continue;
                }

                (object? read, _, string? problem) = row.Type.Read(text);
                Assert.True(problem is null, $"{group.Path}.{row.Key}: {problem}");
                Assert.Equal(row.Get is null ? read : value, read);
            }
        }
    }

    [Fact]
    public void Every_row_reads_back_what_it_set()
    {
        foreach (SettingGroup group in TopologySchema.Groups)
        {
            foreach (SettingRow row in group.Rows.Where(r => r is { IsList: false, Set: not null }))
            {
                object options = group.Defaults();
                object other = row.Type.Min ?? row.Type.Read(row.Type.Name switch
                {
                    "boolean" => "false",
                    "jitter" => "equal",
                    "choice" => row.Type.Allowed.Split(", ")[^1],
                    _ => "some_text",
                }).Value!;
                row.Set!(options, other);
                Assert.Equal(other, row.Get!(options));
            }
        }
    }

    [Theory]
    [InlineData(typeof(RetryProfileOptions))]
    [InlineData(typeof(RetryBudgetOptions))]
    [InlineData(typeof(IdempotencyOptions))]
    [InlineData(typeof(SagaCompensationStepOptions))]
    [InlineData(typeof(SagaCompensationActionOptions))]
    [InlineData(typeof(DeadLetterQueueOptions))]
    [InlineData(typeof(DeadLetterConsumerOptions))]
    [InlineData(typeof(ProbeOptions))]
    [InlineData(typeof(TopologyNatsOptions))]
    [InlineData(typeof(SagaOptions))]
    [InlineData(typeof(HealthOptions))]
    public void Every_option_has_a_key(Type options)
    {
        HashSet<string> keys = [.. TopologySchema.Groups.SelectMany(g => g.Rows).Select(r => Spelling.Normalise(r.Key.Split('.')[^1].TrimEnd('[', ']')))];
        foreach (PropertyInfo property in options.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => !s_codeOnly.Contains($"{options.Name}.{p.Name}")))
        {
            string key = Spelling.Normalise(property.Name).Replace("validate", "", StringComparison.Ordinal);
            Assert.True(keys.Contains(key), $"{options.Name}.{property.Name} has no key in the schema");
        }
    }

    [Fact]
    public void Every_service_probe_is_fed() =>
        Assert.Equal(["Liveness", "Readiness", "Startup"], typeof(ServiceProbeOptions).GetProperties().Select(p => p.Name).Order());

    private static (SettingGroup Group, SettingRow Row) Find(string path) =>
        TopologySchema.Groups.SelectMany(g => g.Rows.Select(r => (g, r))).First(x => $"{x.g.Path}.{x.r.Key}" == path);

    private static object Step(object value, int by) => value switch
    {
        int i => i + by,
        long l => l + by,
        double d => by < 0 ? Math.BitDecrement(d) : Math.BitIncrement(d),
        TimeSpan t => t + TimeSpan.FromTicks(by),
        _ => throw new NotSupportedException(value.GetType().Name),
    };

    /// <summary>Puts one value into options that are otherwise wide enough for it, and asks the package's own validators.</summary>
    private static List<string> Failures(SettingGroup group, SettingRow row, object value)
    {
        object options = group.Defaults();
        switch (options)
        {
            case RetryProfileOptions profile:
                profile.BaseDelay = TimeSpan.Zero;
                profile.MaxDelay = TimeSpan.FromDays(7);
                break;
            case RetryBudgetOptions budget:
                budget.MaxTokens = row.Key == "max_tokens" ? budget.MaxTokens : 1_000_000;
                budget.RetryCost = 1;
                budget.SuccessCredit = 0;
                break;
            case IdempotencyOptions idempotency:
                idempotency.Ttl = TimeSpan.FromDays(366);
                idempotency.TimestampTolerance = TimeSpan.FromSeconds(1);
                idempotency.Lease = TimeSpan.FromSeconds(1);
                break;
            case SagaCompensationStepOptions step:
                step.StepId = "step";
                step.CompensationAction.Type = "undo";
                break;
            case DeadLetterQueueOptions queue:
                queue.Subjects.Add("letters");
                break;
            case DeadLetterConsumerOptions consumer:
                consumer.Name = "reader";
                break;
            case SagaOptions saga:
                saga.TombstoneAge = TimeSpan.FromDays(3650);
                saga.LongestStartAge = saga.LongestLetterAge = TimeSpan.Zero;
                break;
            case HealthOptions health:
                health.DrainDelay = health.StopBudget = TimeSpan.Zero;
                break;
        }

        row.Set!(options, value);
        return options switch
        {
            RetryProfileOptions o => Ask(o),
            RetryBudgetOptions o => Ask(o),
            IdempotencyOptions o => Ask(o, ""),
            SagaCompensationStepOptions o => Ask(new SagaCompensationTableOptions { Steps = { o } }),
            DeadLetterQueueOptions o => Ask(o),
            DeadLetterConsumerOptions o => Ask(new DeadLetterQueueOptions { Subjects = { "letters" }, Consumer = o }),
            ProbeOptions o => Ask(new ServiceProbeOptions
            {
                Readiness = group == TopologySchema.Readiness ? o : null,
                Liveness = group == TopologySchema.Liveness ? o : null,
                Startup = group == TopologySchema.Startup ? o : null,
            }),
            TopologyNatsOptions o => Ask(o, ""),
            SagaOptions o => Ask(o, ""),
            HealthOptions o => Ask(o, ""),
            _ => throw new NotSupportedException(options.GetType().Name),
        };
    }

    private static List<string> Ask<T>(T options, string name = "any")
        where T : class
    {
        var services = new ServiceCollection();
        TestHost.AddPackages(services);
        services.AddTopologySettings(new Microsoft.Extensions.Configuration.ConfigurationManager());
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromHours(1)); // room for every drain delay
        using ServiceProvider provider = services.BuildServiceProvider();
        IValidateOptions<T>[] validators = [.. provider.GetServices<IValidateOptions<T>>()];
        Assert.NotEmpty(validators);
        return [.. validators.SelectMany(v => v.Validate(name, options) is { Failed: true } failed ? failed.Failures : [])];
    }
}
