using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Topology.Resilience.Internal.Configuration;
using Topology.Retry;
using Topology.TestKit;

namespace Topology.Resilience.Tests.Configuration;

public sealed class ReloadTests : IDisposable
{
    private const string First = "retry_config:\n  api_calls:\n    max_attempts: 7\n";

    private const string Started = "dlq_config:\n  streams:\n    - name: a.dlq\n      max_age: 1d\n    - name: b.dlq\n      subjects: [b.failed]\n";

    private readonly TestFiles _files = new();
    private readonly FakeTimeProvider _time = new();
    private readonly ConfigurationManager _configuration = new();
    private readonly FakeLoggerProvider _log = new();
    private readonly ServiceProvider _services;
    private readonly IOptionsMonitor<RetryProfileOptions> _profiles;
    private readonly MetricCollector<long> _reloads;
    private readonly List<string> _told = [];

    public ReloadTests()
    {
        _files.Write(First);
        _configuration.SetBasePath(_files.Root);
        ((IConfigurationBuilder)_configuration).Add(new TopologyYamlSource("topology.yaml", optional: false, reloadOnChange: false) { Time = _time });
        _services = TestHost.Services(_configuration, more: s => s.AddMetrics().AddLogging(l => l.AddProvider(_log)));
        _profiles = _services.GetRequiredService<IOptionsMonitor<RetryProfileOptions>>();
        _services.GetRequiredService<SettingsMonitor>().Check();
        _reloads = new MetricCollector<long>(_services.GetRequiredService<IMeterFactory>(), "Topology.Resilience", "topology.configuration.reloads");
        _profiles.OnChange((o, name) => _told.Add($"{name}={o.MaxAttempts}"));
    }

    public void Dispose()
    {
        _reloads.Dispose();
        _services.Dispose();
        _configuration.Dispose();
        _files.Dispose();
    }

    [Fact]
    public void A_valid_change_reaches_options_listeners_and_policies()
    {
        RetryPolicy policy = _services.GetRequiredService<IRetryPolicies>().Get("api_calls");
        Assert.Equal(7, policy.MaxAttempts);
        Change("retry_config:\n  api_calls:\n    max_attempts: 9\n");
        Assert.Equal(9, _profiles.Get("api_calls").MaxAttempts);
        Assert.Equal(9, policy.MaxAttempts);
        Assert.Equal(["api_calls=9"], _told);
        Assert.Equal("applied", Assert.Single(_reloads.GetMeasurementSnapshot()).Tags["result"]);
    }

    [Theory]
    [InlineData("retry_config:\n  api_calls:\n    max_attempts: 0\n", "topology.yaml(3,19): error TOPO1001: retry_config.api_calls.max_attempts must be 1..100 (was 0)")]
    [InlineData("retry_config:\n  api_calls:\n    base_delay: 31s\n", "topology.yaml(3,17): error TOPO1020: ")]
    [InlineData("retry_config: [\n", "topology.yaml(2,1): error TOPO1534: not valid YAML")]
    [InlineData("", "topology.yaml(1,1): error TOPO1537: the file has become empty")]
    [InlineData(null, "topology.yaml(1,1): error TOPO1530: the file does not exist")]
    public void An_invalid_change_is_told_and_counted_and_the_last_good_settings_stay(string? text, string expected)
    {
        Change(text);
        Assert.Equal(7, _profiles.Get("api_calls").MaxAttempts);
        Assert.Equal(7, _services.GetRequiredService<IRetryPolicies>().Get("api_calls").MaxAttempts);
        Assert.Empty(_told);
        Assert.Equal("rejected", Assert.Single(_reloads.GetMeasurementSnapshot()).Tags["result"]);
        Assert.Contains(_log.Collector.GetSnapshot(), r => r.Level == LogLevel.Error && r.Id.Id == 1502 && r.Message.StartsWith(expected, StringComparison.Ordinal));

        Change("retry_config:\n  api_calls:\n    max_attempts: 8\n");
        Assert.Equal(8, _profiles.Get("api_calls").MaxAttempts);
        Assert.Equal(["api_calls=8"], _told);
    }

    [Fact]
    public void A_right_value_in_a_rejected_change_is_not_kept_either()
    {
        Change(First + "dlq_config:\n  streams:\n    - name: new.dlq\n      max_age: 9d\nidempotency:\n  ttl: 1\n");
        Assert.Equal(TimeSpan.FromDays(7), _services.GetRequiredService<IOptionsMonitor<Dlq.DeadLetterQueueOptions>>().Get("new.dlq").MaxAge);
        Change(First + "dlq_config:\n  streams:\n    - name: new.dlq\n      max_age: 9d\n");
        Assert.Equal(TimeSpan.FromDays(9), _services.GetRequiredService<IOptionsMonitor<Dlq.DeadLetterQueueOptions>>().Get("new.dlq").MaxAge);
    }

    [Fact]
    public void Code_that_throws_while_a_change_is_checked_keeps_the_last_good_settings()
    {
        bool broken = false;
        using ServiceProvider services = TestHost.Services(
            _configuration, more: s => s.AddLogging(l => l.AddProvider(_log)).Configure<RetryProfileOptions>("api_calls", o => o.Budget = broken ? throw new InvalidOperationException("code") : null));
        IOptionsMonitor<RetryProfileOptions> profiles = services.GetRequiredService<IOptionsMonitor<RetryProfileOptions>>();
        Assert.Equal(7, profiles.Get("api_calls").MaxAttempts);
        broken = true;
        Change("retry_config:\n  api_calls:\n    max_attempts: 9\n");
        Assert.Equal(7, profiles.Get("api_calls").MaxAttempts);
        Assert.Contains(_log.Collector.GetSnapshot(), r => r.Id.Id == 1506);
    }

    [Fact]
    public void A_profile_that_appears_and_then_changes_is_followed()
    {
        Assert.Equal(3, _profiles.Get("fast").MaxAttempts);
        IRetryPolicies policies = _services.GetRequiredService<IRetryPolicies>();
        Assert.False(policies.TryGet("fast", out _));
        Change(First + "  fast:\n    max_attempts: 5\n");
        Assert.Equal(5, _profiles.Get("fast").MaxAttempts);
        Assert.Equal(5, policies.Get("fast").MaxAttempts);
        Change(First + "  fast:\n    max_attempts: 6\n");
        Assert.Equal(6, _profiles.Get("fast").MaxAttempts);
        Change(First);
        Assert.Equal(3, _profiles.Get("fast").MaxAttempts);
        Assert.Equal(["fast=5", "fast=6", "fast=3"], _told);
    }

    [Fact]
    public void A_compensation_table_follows_the_file()
    {
        const string Table = "saga_compensations:\n  order:\n    steps:\n      - step_id: pay\n        compensation_action: { type: refund, timeout: 3s }\n";
        var tables = _services.GetRequiredService<IOptionsMonitor<Saga.SagaCompensationTableOptions>>();
        var told = new List<string?>();
        using IDisposable? listening = tables.OnChange((_, name) => told.Add(name));
        Assert.Empty(tables.Get("order").Steps);
        Change(First + Table);
        Assert.Equal(TimeSpan.FromSeconds(3), Assert.Single(tables.Get("order").Steps).CompensationAction.Timeout);
        Change(First + Table + "      - step_id: ship\n        compensation_action: { type: recall }\n");
        Assert.Equal(["pay", "ship"], tables.Get("order").Steps.Select(s => s.StepId));
        Change(First + Table + "      - step_id: pay\n        compensation_action: { type: recall }\n");
        Assert.Equal(["pay", "ship"], tables.Get("order").Steps.Select(s => s.StepId));
        Assert.Equal(["order", "order"], told);
    }

    [Fact]
    public void What_a_process_has_of_its_own_waits_for_a_restart()
    {
        Change(First + "sagas:\n  max_concurrent_sagas: 9\nhealth:\n  drain_delay: 1s\n");
        Assert.Equal(
            [
                "topology.yaml(5,25): warning TOPO1538: sagas.max_concurrent_sagas is now 9, which waits for a restart; this process runs without that line until then",
                "topology.yaml(7,16): warning TOPO1538: health.drain_delay is now 1s, which waits for a restart; this process runs without that line until then",
            ],
            Waiting());
    }

    [Fact]
    public void A_change_of_nothing_tells_nobody()
    {
        Change("# a comment\n" + First);
        Assert.Empty(_told);
        Assert.Empty(_reloads.GetMeasurementSnapshot());
    }

    [Fact]
    public void A_listener_that_throws_does_not_keep_the_others_on_old_settings()
    {
        using IDisposable? bad = _profiles.OnChange((_, _) => throw new InvalidOperationException("listener"));
        var later = new List<string?>();
        using IDisposable? good = _profiles.OnChange((_, name) => later.Add(name));
        Change("retry_config:\n  api_calls:\n    max_attempts: 9\n");
        Assert.Equal(["api_calls"], later);
    }

    [Theory]
    [InlineData(
        First + "idempotency:\n  ttl: 12h\n",
        "topology.yaml(5,8): warning TOPO1538: idempotency.ttl is now 12h, which waits for a restart; this process runs without that line until then")]
    [InlineData(
        First + Started + "readiness_probes:\n  gateway:\n    period_seconds: 7\n",
        "topology.yaml(12,21): warning TOPO1538: readiness_probes.gateway.period_seconds is now 7, which waits for a restart; this process runs without that line until then")]
    public void A_change_that_waits_for_a_restart_says_so(string text, string expected)
    {
        Change(text);
        Assert.Contains(expected, Waiting());
        Assert.Contains(_services.GetRequiredService<SettingsMonitor>().Notes, n => n.ToString() == expected);

        _log.Collector.Clear();
        Change("retry_config:\n  api_calls:\n    max_attempts: 9\n" + text[First.Length..]);
        Assert.Contains(Waiting(), line => line.EndsWith(expected[expected.IndexOf("TOPO1538", StringComparison.Ordinal)..], StringComparison.Ordinal));

        _log.Collector.Clear();
        Change(First);
        Assert.Empty(Waiting());
        Assert.Empty(_services.GetRequiredService<SettingsMonitor>().Notes);
    }

    [Fact]
    public void What_waits_for_a_restart_is_told_by_value_against_what_the_process_started_with()
    {
        using var files = new TestFiles();
        files.Write(First + Started);
        using var configuration = new ConfigurationManager();
        configuration.SetBasePath(files.Root);
        configuration.AddTopologyYaml("topology.yaml", reloadOnChange: false);
        using ServiceProvider services = TestHost.Services(configuration);
        var monitor = services.GetRequiredService<SettingsMonitor>();
        monitor.Check();

        files.Write(First + "dlq_config:\n  streams:\n    - name: b.dlq\n      subjects: [b.failed, b.late]\n      max_age: 2d\n    - name: a.dlq\n      max_age: 1d\n");
        ((IConfigurationRoot)configuration).Reload();
        Assert.Equal(
            [
                "topology.yaml(7,17): warning TOPO1538: dlq_config.streams[0].subjects is now [b.failed, b.late], which waits for a restart; this process runs with [b.failed] until then",
                "topology.yaml(8,16): warning TOPO1538: dlq_config.streams[0].max_age is now 2d, which waits for a restart; this process runs without that line until then",
            ],
            monitor.Notes.Where(n => n.Code == "TOPO1538").Select(n => n.ToString()));

        files.Write(First);
        ((IConfigurationRoot)configuration).Reload();
        Assert.Contains(
            "topology.yaml: warning TOPO1538: dlq_config.streams[a.dlq].max_age is no longer written, which waits for a restart; this process runs with 1d until then",
            monitor.Notes.Select(n => n.ToString()));
    }

    [Fact]
    public async Task A_file_that_is_still_being_written_is_read_once_it_is_quiet()
    {
        using var files = new TestFiles();
        files.Write(First);
        using var configuration = new ConfigurationManager();
        configuration.SetBasePath(files.Root);
        var time = new FakeTimeProvider();
        ((IConfigurationBuilder)configuration).Add(new TopologyYamlSource("topology.yaml", optional: false, reloadOnChange: true) { Time = time });
        files.Write(First + "  fast:\n    max_att");
        files.Write(First + "  fast:\n    max_attempts: 4\n");

        await Until.True(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(50));
            return configuration["Topology:retry_config:fast:max_attempts"] == "4";
        }, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_mounted_config_map_is_followed_through_its_links()
    {
        using var files = new TestFiles();
        foreach ((string version, int attempts) in new[] { ("v1", 4), ("v2", 5) })
        {
            Directory.CreateDirectory(Path.Combine(files.Root, version));
            files.Write($"retry_config:\n  default:\n    max_attempts: {attempts}\n", Path.Combine(version, "topology.yaml"));
        }

        // As the kubelet does it: the file is a link through a link to a directory, and only that link is swapped.
        string data = Path.Combine(files.Root, "..data");
        Directory.CreateSymbolicLink(data, "v1");
        File.CreateSymbolicLink(Path.Combine(files.Root, "topology.yaml"), Path.Combine("..data", "topology.yaml"));
        File.SetLastWriteTimeUtc(Path.Combine(files.Root, "v1", "topology.yaml"), new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        using var configuration = new ConfigurationManager();
        configuration.SetBasePath(files.Root);
        configuration.AddTopologyYaml("topology.yaml");
        Assert.Equal("4", configuration["Topology:retry_config:default:max_attempts"]);

        Directory.Delete(data);
        Directory.CreateSymbolicLink(data, "v2");
        await Until.True(() => configuration["Topology:retry_config:default:max_attempts"] == "5", cancellationToken: TestContext.Current.CancellationToken);
    }

    private IEnumerable<string> Waiting() =>
        _log.Collector.GetSnapshot().Where(r => r.Id.Id == 1500).Select(r => r.Message).Where(m => m.Contains("TOPO1538", StringComparison.Ordinal));

    /// <summary>Writes the file and has every provider read again, as its watcher would.</summary>
    private void Change(string? text)
    {
        if (text is null)
        {
            File.Delete(Path.Combine(_files.Root, "topology.yaml"));
        }
        else
        {
            _files.Write(text);
        }

        ((IConfigurationRoot)_configuration).Reload();
    }
}
