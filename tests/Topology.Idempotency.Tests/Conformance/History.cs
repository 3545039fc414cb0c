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
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Ttl = TimeSpan.FromDays(2);

    private readonly ConcurrentQueue<Call> _calls = new();

    public static async Task<History> RecordAsync(StoreUnderTest test, int clients, int rounds, int seed)
    {
        var history = new History();
        var store = test.Store;
        var key = IdempotencyRecordKey.Internal("t", "u", "o", Guid.NewGuid().ToString());
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(seed * 1000 + client);
            var value = client.ToString(CultureInfo.InvariantCulture);
            var bytes = Encoding.UTF8.GetBytes(value);
            IdempotencyClaim? claim = null;
            for (var i = 0; i < rounds; i++)
            {
                await Task.Yield(); // clients of a store that answers at once take turns too
                switch (random.Next(claim is null ? 3 : 12))
                {
                    case 1 when random.Next(8) == 0:
                        await history.AddAsync(new Call(Verb.Seal), async () => Text(await store.SealAsync(key, Ttl)));
                        break;
                    case 2:
                        await test.PassAsync(Lease + TimeSpan.FromSeconds(1)); // from now on a claim may be taken over
                        break;
                    case 3 or 4:
                        await history.AddAsync(new Call(Verb.Complete, claim!.Fence, value), async () => (await store.CompleteAsync(claim, bytes)).ToString());
                        break;
                    case 5 or 6:
                        await history.AddAsync(new Call(Verb.Release, claim!.Fence), async () => (await store.ReleaseAsync(claim, outcomeUnknown: false)).ToString());
                        break;
                    case 7:
                        await history.AddAsync(new Call(Verb.GiveUp, claim!.Fence), async () => (await store.ReleaseAsync(claim, outcomeUnknown: true)).ToString());
                        break;
                    case 8:
                        await history.AddAsync(new Call(Verb.Renew, claim!.Fence), async () => (await store.RenewAsync(claim)).ToString());
                        break;
                    case 9 or 10:
                        var happened = random.Next(2) == 0;
                        await history.AddAsync(
                            new Call(Verb.Resolve, claim!.Fence, happened ? value : ""),
                            async () => (await store.ResolveAsync(key, claim.Fence, happened, happened ? bytes : null, Ttl)).ToString());
                        break;
                    default:
                        await history.AddAsync(new Call(Verb.Claim), async () =>
                        {
                            var answer = await store.ClaimAsync(new ClaimRequest
                            {
                                Key = key, Owner = Guid.NewGuid(), Lease = Lease, Ttl = Ttl,
                                OnAbandoned = client % 3 == 0 ? AbandonedClaim.Quarantine : AbandonedClaim.TakeOver,
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

    // A absent, P in progress, R released, C completed, S sealed, Q unknown; D and N: settled by a resolution as done and not done, which
    // the owner's word no longer changes. A lease may run out at any moment: a claim in progress may be found lapsed or not.
    /// <returns>The state after the call, or <see langword="null"/> when the call cannot have ended like this here.</returns>
    private static State? Apply(State state, Call call)
    {
        var words = call.Result!.Split(' ');
        var mine = call.Fence == state.Fence;
        return (call.Verb, words[0]) switch
        {
            (Verb.Claim, "Acquired") when state.Kind is 'A' or 'R' or 'N' && Fence(words) > state.Fence => new State('P', Fence(words), ""),
            (Verb.Claim, "TookOver") when state.Kind == 'P' && Fence(words) > state.Fence => new State('P', Fence(words), ""),
            (Verb.Claim, "InProgress") when state.Kind == 'P' && Fence(words) == state.Fence => state,
            (Verb.Claim, "Indeterminate") when state.Kind is 'P' or 'Q' && Fence(words) == state.Fence => state with { Kind = 'Q' },
            (Verb.Claim or Verb.Seal, "Completed") when state.Kind is 'C' or 'D' && words[1] == state.Value => state,
            (Verb.Claim, "Sealed") when state.Kind == 'S' => state,
            (Verb.Seal, "Sealed") when state.Kind is not ('C' or 'D') => state with { Kind = 'S' },
            (Verb.Complete, "Done") when mine && state.Kind is 'P' or 'Q' => state with { Kind = 'C', Value = call.Value },
            (Verb.Complete, "Done") when mine && state.Kind == 'C' => state,
            (Verb.Complete, "Fenced") when !mine || state.Kind is 'R' or 'S' or 'D' or 'N' => state,
            (Verb.Release, "Done") when mine && state.Kind is 'P' or 'Q' or 'R' => state with { Kind = 'R' },
            (Verb.Release, "Fenced") when !mine || state.Kind is 'C' or 'S' or 'D' or 'N' => state,
            (Verb.GiveUp, "Done") when mine && state.Kind is 'P' or 'Q' => state with { Kind = 'Q' },
            (Verb.GiveUp, "Fenced") when !mine || state.Kind is 'C' or 'R' or 'S' or 'D' or 'N' => state,
            (Verb.Renew, "Done") when mine && state.Kind == 'P' => state,
            (Verb.Renew, "Fenced") when !mine || state.Kind != 'P' => state,
            (Verb.Resolve, "Done") when mine && state.Kind == 'Q' => state with { Kind = call.Value.Length > 0 ? 'D' : 'N', Value = call.Value },
            (Verb.Resolve, "Fenced") when !mine || state.Kind != 'Q' => state,
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
        GiveUp,
        Renew,
        Resolve,
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
