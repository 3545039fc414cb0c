using System.Text.Json.Serialization;

namespace Topology.Saga.Tests;

public sealed partial class SagaDefinitionTests
{
    [Fact]
    public void One_message_lists_every_fault()
    {
        var builder = SagaDefinition.Create<string>("bad name")
            .Step("a", Nothing, new() { Timeout = TimeSpan.Zero })
            .Step("a", Nothing, new() { MaxAttempts = 0 })
            .Step("r", Nothing, new() { Kind = SagaStepKind.Retriable })
            .Step("p", Nothing, new() { Kind = SagaStepKind.Pivot })
            .Step("p2", Nothing, new() { Kind = SagaStepKind.Pivot })
            .Step("late", Nothing);

        var error = Assert.Throws<SagaDefinitionException>(builder.Build);

        Assert.Equal(7, error.Faults.Count);
        Assert.All(["bad name", "'a' is there 2", "Timeout", "MaxAttempts is 0", "'r' is retriable", "'p2' is a second pivot", "'late' stands after"],
            part => Assert.Contains(error.Faults, fault => fault.Contains(part, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_type_that_the_json_context_does_not_know_is_a_fault_at_build()
    {
        var builder = SagaDefinition.Create<string>("saga", Json.Default).Step("a", static (_, _) => ValueTask.FromResult(new Version(1, 2)));

        var error = Assert.Throws<SagaDefinitionException>(builder.Build);

        Assert.Contains("System.Version", Assert.Single(error.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void The_hash_changes_with_what_a_journal_depends_on_and_with_nothing_else()
    {
        var hash = Build("saga", ("a", new())).Hash;

        Assert.Equal(hash, Build("saga", ("a", new() { Timeout = TimeSpan.FromSeconds(1), MaxAttempts = 9 })).Hash);
        Assert.NotEqual(hash, Build("other", ("a", new())).Hash);
        Assert.NotEqual(hash, Build("saga", ("b", new())).Hash);
        Assert.NotEqual(hash, Build("saga", ("a", new() { Kind = SagaStepKind.Pivot })).Hash);
        Assert.NotEqual(hash, Build("saga", ("a", new()), ("b", new())).Hash);
        Assert.NotEqual(hash, SagaDefinition.Create<string>("saga").Step("a", static (_, _) => ValueTask.FromResult(1)).Build().Hash);
    }

    private static ValueTask Nothing(SagaStepContext<string> context, CancellationToken cancellationToken) => default;

    private static SagaDefinition<string> Build(string name, params (string Id, SagaStepOptions Options)[] steps)
    {
        var builder = SagaDefinition.Create<string>(name);
        foreach (var (id, options) in steps)
        {
            builder.Step(id, Nothing, options);
        }

        return builder.Build();
    }

    [JsonSerializable(typeof(string))]
    private sealed partial class Json : JsonSerializerContext;
}
