using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Topology.Idempotency.Tests.Conformance;

/// <summary>
/// Records what racing clients do to one key and looks for an order of their calls, each somewhere between its start and its end, that
/// one client after the other could have seen (Wing and Gong 1993, with the visited states of Lowe 2017).
/// </summary>
public sealed class History
{
    private readonly ConcurrentQueue<Call> _calls = new();

    public static async Task<History> RecordAsync(IIdempotencyStore store, int clients, int rounds, int seed)
    {
        var history = new History();
        var key = IdempotencyRecordKey.Internal("t", "u", "o", Guid.NewGuid().ToString());
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(seed * 1000 + client);
            IdempotencyClaim? claim = null;
            for (var i = 0; i < rounds; i++)
            {
                await Task.Yield(); // clients of a store that answers at once take turns too
                switch (random.Next(claim is null ? 2 : 6))
                {
                    case 1 when random.Next(8) == 0:
                        await history.AddAsync(new Call(Verb.Seal), async () => Text(await store.SealAsync(key, TimeSpan.FromHours(1))));
                        break;
                    case 2 or 3:
                        await history.AddAsync(
                            new Call(Verb.Complete, claim!.Fence, client.ToString(CultureInfo.InvariantCulture)),
                            async () => (await store.CompleteAsync(claim, Encoding.UTF8.GetBytes(client.ToString(CultureInfo.InvariantCulture)))).ToString());
                        break;
                    case 4 or 5:
                        await history.AddAsync(
                            new Call(Verb.Release, claim!.Fence), async () => (await store.ReleaseAsync(claim, outcomeUnknown: false)).ToString());
                        break;
                    default:
                        await history.AddAsync(new Call(Verb.Claim), async () =>
                        {
                            var answer = await store.ClaimAsync(new ClaimRequest
                            {
                                Key = key, Owner = Guid.NewGuid(), Lease = TimeSpan.FromMinutes(5), Ttl = TimeSpan.FromHours(1),
                            });
                            claim = answer.Claim ?? claim;
                            return answer.Status == ClaimStatus.Completed
                                ? $"Completed {Encoding.UTF8.GetString(answer.Result.Span)}"
                                : string.Create(CultureInfo.InvariantCulture, $"{answer.Status} {answer.Fence}");
                        });
                        break;
                }
            }
        })));
        return history;
    }

    public bool IsLinearizable()
    {
        var calls = _calls.OrderBy(call => call.Start).ToArray();
        return Search(calls, new bool[calls.Length], new State('A', 0, ""), []);
    }

    public override string ToString() => string.Join('\n', _calls.OrderBy(call => call.Start));

    private static bool Search(Call[] calls, bool[] done, State state, HashSet<(string, State)> visited)
    {
        if (!visited.Add((string.Concat(done.Select(d => d ? '1' : '0')), state)))
            return false;
        var firstEnd = long.MaxValue;
        for (var i = 0; i < calls.Length; i++)
        {
            if (!done[i])
                firstEnd = Math.Min(firstEnd, calls[i].End);
        }

        var left = false;
        for (var i = 0; i < calls.Length; i++)
        {
            if (done[i])
                continue;
            left = true;
            if (calls[i].Start > firstEnd)
                break; // another call had ended before this one began
            if (Apply(state, calls[i]) is not { } next)
                continue;
            done[i] = true;
            if (Search(calls, done, next, visited))
                return true;
            done[i] = false;
        }

        return !left;
    }

    /// <returns>The state after the call, or <see langword="null"/> when the call cannot have ended like this here.</returns>
    private static State? Apply(State state, Call call)
    {
        var words = call.Result!.Split(' ');
        return (call.Verb, words[0]) switch
        {
            (Verb.Claim, "Acquired") when state.Kind is 'A' or 'R' && Fence(words) > state.Fence => new State('P', Fence(words), ""),
            (Verb.Claim, "InProgress") when state.Kind == 'P' && Fence(words) == state.Fence => state,
            (Verb.Claim, "Completed") when state.Kind == 'C' && words[1] == state.Value => state,
            (Verb.Claim, "Sealed") when state.Kind == 'S' => state,
            (Verb.Complete, "Done") when state.Kind == 'P' && call.Fence == state.Fence => state with { Kind = 'C', Value = call.Value },
            (Verb.Complete, "Done") when state.Kind == 'C' && call.Fence == state.Fence => state,
            (Verb.Complete, "Fenced") when call.Fence != state.Fence || state.Kind is 'R' or 'S' => state,
            (Verb.Release, "Done") when state.Kind is 'P' or 'R' && call.Fence == state.Fence => state with { Kind = 'R' },
            (Verb.Release, "Fenced") when call.Fence != state.Fence || state.Kind is 'C' or 'S' => state,
            (Verb.Seal, "Sealed") when state.Kind != 'C' => state with { Kind = 'S' },
            (Verb.Seal, "Completed") when state.Kind == 'C' && words[1] == state.Value => state,
            _ => null,
        };
    }

    private static long Fence(string[] words) => long.Parse(words[1], CultureInfo.InvariantCulture);

    private static string Text(SealResult seal) =>
        seal.Status == SealStatus.Completed ? $"Completed {Encoding.UTF8.GetString(seal.Result.Span)}" : seal.Status.ToString();

    private async Task AddAsync(Call call, Func<Task<string>> run)
    {
        call.Start = Stopwatch.GetTimestamp();
        call.Result = await run();
        call.End = Stopwatch.GetTimestamp();
        _calls.Enqueue(call);
    }

    private enum Verb
    {
        Claim,
        Complete,
        Release,
        Seal,
    }

    private sealed record State(char Kind, long Fence, string Value);

    private sealed record Call(Verb Verb, long Fence = 0, string Value = "")
    {
        public long Start { get; set; }

        public long End { get; set; }

        public string? Result { get; set; }
    }
}
