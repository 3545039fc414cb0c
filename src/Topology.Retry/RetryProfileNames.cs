namespace Topology.Retry;

/// <summary>The profiles that exist without any configuration, with the specification's names.</summary>
public static class RetryProfileNames
{
    /// <summary>3 calls, 1 s, 2 s.</summary>
    public const string Default = "default";

    /// <summary>5 calls, 500 ms, 1 s, 2 s, 4 s.</summary>
    public const string ApiCalls = "api_calls";

    /// <summary>3 calls, 2 s, 4 s.</summary>
    public const string ToolCalls = "tool_calls";

    /// <summary>3 calls, 100 ms, 150 ms.</summary>
    public const string DatabaseOperations = "database_operations";
}
