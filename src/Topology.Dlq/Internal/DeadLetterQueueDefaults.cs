using Microsoft.Extensions.Options;

namespace Topology.Dlq.Internal;

/// <summary>The specification's three queues. Registered first, so that any other configuration comes after it.</summary>
internal sealed class DeadLetterQueueDefaults : IConfigureNamedOptions<DeadLetterQueueOptions>, IPostConfigureOptions<DeadLetterQueueOptions>
{
    private const string Suffix = ".dlq";

    public void Configure(string? name, DeadLetterQueueOptions options)
    {
        switch (name)
        {
            case DeadLetterQueueNames.AgentRun:
                options.MaxAge = TimeSpan.FromDays(7);
                options.Consumer = new() { Name = "dlq-processor", MaxDeliver = 3, AckWait = TimeSpan.FromSeconds(30) };
                break;
            case DeadLetterQueueNames.ToolCall:
                options.MaxAge = TimeSpan.FromDays(3);
                options.Consumer = new() { Name = "tool-dlq-processor", MaxDeliver = 5, AckWait = TimeSpan.FromSeconds(60) };
                break;
            case DeadLetterQueueNames.WorkflowCompensation:
                options.MaxAge = TimeSpan.FromDays(30);
                break;
        }
    }

    public void Configure(DeadLetterQueueOptions options) => Configure(Options.DefaultName, options);

    public void PostConfigure(string? name, DeadLetterQueueOptions options)
    {
        if (options.Subjects.Count == 0 && name is not null && name.EndsWith(Suffix, StringComparison.Ordinal))
            options.Subjects.Add($"{name.AsSpan(..^Suffix.Length)}.failed");
    }
}
