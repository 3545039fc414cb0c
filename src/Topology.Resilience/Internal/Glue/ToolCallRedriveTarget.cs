using Microsoft.Extensions.DependencyInjection;
using Topology.Dlq;

namespace Topology.Resilience.Internal;

/// <summary>A redriven letter of <c>tool.call.dlq</c> is one more call; one that had succeeded is not made again.</summary>
internal sealed class ToolCallRedriveTarget<THandler>(IServiceScopeFactory scopes) : IRedriveTarget
    where THandler : class, IToolCallHandler
{
    public async ValueTask RedriveAsync(DeadLetter letter, string redriveId, CancellationToken cancellationToken)
    {
        var scope = scopes.CreateAsyncScope();
        await using var disposal = scope.ConfigureAwait(false);
        var calls = scope.ServiceProvider.GetRequiredService<ToolCalls<THandler>>();
        await calls.CallAsync(letter, letter.ProcessorAttempts + 1, cancellationToken).ConfigureAwait(false);
    }
}
