namespace Topology.Resilience.Internal.Configuration;

/// <summary>The package a setting belongs to; the value is the first number of its codes.</summary>
internal enum SettingArea
{
    Retry = 1000,
    Idempotency = 1100,
    Saga = 1200,
    Dlq = 1300,
    Health = 1400,
    File = 1500,
}

/// <summary>What is wrong with one key or value; added to the <see cref="SettingArea"/> it gives the code.</summary>
internal enum SettingFault
{
    Range = 1,
    UnknownKey = 2,
    Type = 3,
    Duration = 4,
    Choice = 5,
    Missing = 6,
    Twice = 7,
    Shape = 8,
    Refused = 9,
    SetAgain = 10,
}

/// <summary>Faults of a file, and those that need more than one key to see.</summary>
internal static class DiagnosticCodes
{
    public const int BaseDelayAboveMaxDelay = 1020;
    public const int UnknownBudget = 1021;
    public const int TtlBelowTolerance = 1120;
    public const int LeaseNotBelowTtl = 1121;
    public const int DuplicateStep = 1220;
    public const int UnknownStep = 1221;
    public const int UnregisteredAction = 1222;
    public const int UnknownBackoff = 1223;
    public const int SagaElsewhere = 1224;
    public const int TimeoutNotBelowLease = 1225;
    public const int LetterOutlivesSaga = 1226;
    public const int UnknownStream = 1320;
    public const int CollidingStream = 1321;
    public const int OverlappingSubjects = 1322;
    public const int SecondConsumer = 1323;
    public const int ProcessorElsewhere = 1324;
    public const int AckWaitBelowRetryDelay = 1325;
    public const int ProbeTimeoutAbovePeriod = 1420;
    public const int FileNotFound = 1530;
    public const int FileUnreadable = 1531;
    public const int NotText = 1532;
    public const int TooLarge = 1533;
    public const int NotYaml = 1534;
    public const int TooDeep = 1535;
    public const int Unsupported = 1536;
    public const int Empty = 1537;
    public const int WaitsForRestart = 1538;
    public const int NoYamlBlock = 1539;
}
