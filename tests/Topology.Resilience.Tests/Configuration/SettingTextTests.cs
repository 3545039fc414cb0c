using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Topology.Resilience.Internal.Configuration;

namespace Topology.Resilience.Tests.Configuration;

public sealed class SettingTextTests
{
    [Property(MaxTest = 5_000)]
    public bool A_written_duration_reads_back_as_itself(long ticks)
    {
        var value = TimeSpan.FromTicks(ticks < 0 ? -(ticks + 1) : ticks);
        return SettingText.TryReadDuration(SettingText.Write(value), out TimeSpan read) && read == value;
    }

    [Property(MaxTest = 2_000)]
    public bool A_written_duration_of_any_size_reads_back_as_itself(ushort days, uint seconds, byte ticks)
    {
        TimeSpan value = TimeSpan.FromDays(days) + TimeSpan.FromSeconds(seconds) + TimeSpan.FromTicks(ticks);
        return SettingText.TryReadDuration(SettingText.Write(value), out TimeSpan read) && read == value;
    }

    [Property(MaxTest = 2_000)]
    public bool Written_bytes_read_back_as_themselves(NonNegativeInt count, byte shift)
    {
        long value = (long)count.Get << (shift % 30);
        return SettingText.TryReadBytes(SettingText.WriteBytes(value), out long read) && read == value;
    }

    [Property(MaxTest = 5_000)]
    public bool No_text_makes_the_reader_throw(string? text)
    {
        SettingText.TryReadDuration(text ?? "", out _);
        SettingText.TryReadBytes(text ?? "", out _);
        return true;
    }

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("0.5s", 500)]
    [InlineData("7d", 604_800_000)]
    [InlineData("1w", 604_800_000)]
    [InlineData("1d3h5m2s", 97_502_000)]
    [InlineData("2500us", 2.5)]
    [InlineData("2500µs", 2.5)]
    [InlineData("PT30S", 30_000)]
    [InlineData("P7D", 604_800_000)]
    [InlineData("P1DT12H", 129_600_000)]
    [InlineData("00:01:30", 90_000)]
    [InlineData("1.00:00:00", 86_400_000)]
    [InlineData("00:00:00.250", 250)]
    [InlineData("0s", 0)]
    public void These_are_durations(string text, double milliseconds)
    {
        Assert.True(SettingText.TryReadDuration(text, out TimeSpan value));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("60")]
    [InlineData("0")]
    [InlineData("s")]
    [InlineData("1 s")]
    [InlineData("1s ")]
    [InlineData("30s1m")]
    [InlineData("1s1s")]
    [InlineData("1M")]
    [InlineData("1S")]
    [InlineData(".5s")]
    [InlineData("1..5s")]
    [InlineData("1,5s")]
    [InlineData("1e3s")]
    [InlineData("-1s")]
    [InlineData("+1s")]
    [InlineData("0.05ns")]
    [InlineData("P1M")]
    [InlineData("P1Y")]
    [InlineData("1:30")]
    [InlineData("99:99:99")]
    [InlineData("99999999999999w")]
    [InlineData("١s")]
    [InlineData("NaNs")]
    public void These_are_not(string text) => Assert.False(SettingText.TryReadDuration(text, out _));

    [Theory]
    [InlineData("1048576", 1048576)]
    [InlineData("1MiB", 1048576)]
    [InlineData("1 MiB", 1048576)]
    [InlineData("2Gi", 2147483648)]
    [InlineData("64KiB", 65536)]
    public void These_are_sizes(string text, long bytes)
    {
        Assert.True(SettingText.TryReadBytes(text, out long value));
        Assert.Equal(bytes, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1.5GiB")]
    [InlineData("1GB")]
    [InlineData("9999999999TiB")]
    public void These_are_no_sizes(string text) => Assert.False(SettingText.TryReadBytes(text, out _));

    [Theory]
    [InlineData("tr-TR")]
    [InlineData("de-DE")]
    [InlineData("ar-SA")]
    [InlineData("")]
    public void The_specification_and_its_faults_read_the_same_in_every_culture(string culture)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
            Assert.Empty(TestHost.Lines(TestFiles.SpecYaml));
            Assert.Equal(
                [
                    "topology.yaml(3,23): error TOPO1001: retry_config.api_calls.exponential_base must be 1..10 (was 10.5)",
                    "topology.yaml(4,5): error TOPO1002: unknown key 'JITER' in retry_config.api_calls; did you mean 'jitter'?",
                    "topology.yaml(5,17): error TOPO1001: retry_config.api_calls.base_delay must be 0s..1d (was 36.5h)",
                ],
                TestHost.Lines("RETRY_CONFIG:\n  API_CALLS:\n    EXPONENTIAL_BASE: 10.5\n    JITER: TRUE\n    BASE_DELAY: 36.5h\n"));
            Assert.Empty(TestHost.Lines("idempotency:\n  VALIDATION: { TIMESTAMP_TOLERANCE: 1m }\n  TTL: 1h\nliveness_probes:\n  A:\n    INITIAL_DELAY_SECONDS: 3\nretry_config:\n  default:\n    jitter: FULL\n    unknown: RETRY\n"));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
