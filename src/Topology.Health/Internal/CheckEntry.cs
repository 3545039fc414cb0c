using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Topology.Health.Internal;

/// <summary>The samples of one check. Guarded by the lock of the board.</summary>
internal sealed class CheckEntry(HealthCheckRegistration registration, HealthOptions options, TimeProvider timeProvider)
{
    private Hysteresis _hysteresis = new(options.FailureThreshold, options.SuccessThreshold);

    public HealthCheckRegistration Registration { get; } = registration;

    public bool Live { get; } = registration.Tags.Contains(HealthProbeTags.Live);

    public bool Ready { get; } = registration.Tags.Contains(HealthProbeTags.Ready);

    public bool Startup { get; } = registration.Tags.Contains(HealthProbeTags.Startup);

    public bool Info { get; } = registration.Tags.Contains(HealthProbeTags.Info);

    public string Name => Registration.Name;

    public TimeSpan Period { get; } = registration.Period ?? options.Period;

    public TimeSpan Timeout { get; } = registration.Timeout > TimeSpan.Zero ? registration.Timeout : options.Timeout;

    /// <summary>The status that counts; <see langword="null"/> before the first sample.</summary>
    public HealthStatus? Status => _hysteresis.Status;

    public HealthStatus? LastSample { get; private set; }

    public string Code { get; private set; } = HealthCodes.NotSampled;

    public TimeSpan Duration { get; private set; }

    public DateTimeOffset? SampledAt { get; private set; }

    /// <summary>The timestamp of the last sample; before the first, of the start.</summary>
    public long SampledTimestamp { get; private set; } = timeProvider.GetTimestamp();

    /// <summary>The timestamp from which the last sample is too old: its successor would be there if the process had threads.</summary>
    public long StaleFrom => SampledTimestamp + (long)(LongestGap.TotalSeconds * timeProvider.TimestampFrequency);

    private TimeSpan LongestGap => Period * (1 + options.Jitter) + Timeout + options.MaxThreadPoolDelay;

    /// <returns>Whether <see cref="Status"/> changed.</returns>
    public bool Record(CheckObservation observation)
    {
        LastSample = observation.Status;
        Code = observation.Code;
        Duration = observation.Duration;
        SampledTimestamp = timeProvider.GetTimestamp();
        SampledAt = timeProvider.GetUtcNow();
        return _hysteresis.Observe(observation.Status);
    }
}
