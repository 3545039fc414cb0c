namespace Topology.Saga;

/// <summary>What holds for the sagas this process runs.</summary>
public sealed class SagaOptions
{
    /// <summary>Gets or sets the number of sagas run at the same time.</summary>
    /// <value>The default is 256; the range is 1 to 100,000.</value>
    public int MaxConcurrentSagas { get; set; } = 256;

    /// <summary>Gets or sets how often a saga may lose its owner without getting on before it is parked.</summary>
    /// <value>The default is 10; the range is 1 to 1,000.</value>
    public int MaxTakeovers { get; set; } = 10;

    /// <summary>Gets or sets how long a saga may stand still because no worker knows its definition before it is parked.</summary>
    /// <value>The default is 15 minutes, long enough for a rolling deploy; the range is 1 second to 1 day.</value>
    public TimeSpan UnknownDefinitionTimeout { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Gets or sets how long the history of a saga is kept after it has ended. Then a tombstone takes its place.</summary>
    /// <value>The default is 1 day; the range is 1 minute to 365 days.</value>
    /// <remarks>
    /// Only <see cref="SagaStatus.Completed"/>, <see cref="SagaStatus.Compensated"/> and <see cref="SagaStatus.Cancelled"/> are ends: a
    /// saga that rests is kept until an operator has decided.
    /// </remarks>
    public TimeSpan HistoryAge { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Gets or sets how long a tombstone keeps an ended saga from being started again.</summary>
    /// <value>The default is 38 days; at least <see cref="LongestStartAge"/> + <see cref="LongestLetterAge"/> + 1 day, at most 10 years.</value>
    public TimeSpan TombstoneAge { get; set; } = TimeSpan.FromDays(38);

    /// <summary>Gets or sets the longest age at which a message can still start a saga: the largest <c>max_age</c> of such a stream.</summary>
    /// <value>The default is 7 days; the range is 0 to 365 days.</value>
    public TimeSpan LongestStartAge { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Gets or sets the longest age at which a dead letter can still be redriven: the largest <c>max_age</c> of such a queue.</summary>
    /// <value>The default is 30 days; the range is 0 to 365 days.</value>
    public TimeSpan LongestLetterAge { get; set; } = TimeSpan.FromDays(30);

    /// <summary>Gets or sets the time between two looks for histories and tombstones that are too old.</summary>
    /// <value>The default is 1 hour; the range is 1 second to 1 day.</value>
    public TimeSpan RetentionPeriod { get; set; } = TimeSpan.FromHours(1);
}
