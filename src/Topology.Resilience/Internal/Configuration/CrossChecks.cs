using Topology.Dlq;
using Topology.Idempotency;
using Topology.Retry;
using Topology.Saga;

namespace Topology.Resilience.Internal.Configuration;

/// <summary>What only several keys together, or the settings and the registered code together, can have wrong.</summary>
internal sealed class CrossChecks(
    SettingsTree tree, TopologyRegistrations registrations, IServiceProvider services, List<TopologyDiagnostic> diagnostics)
{
    public void Run()
    {
        CheckProfiles();
        CheckIdempotency();
        CheckSagas();
        CheckQueues();
        CheckProbes();
    }

    private void CheckProfiles()
    {
        foreach (Setting profile in tree.Entries("retry_config").Where(p => !p.HasFaults))
        {
            RetryProfileOptions options = Profile(profile.Name);
            if (options.BaseDelay > options.MaxDelay && (profile.Child("base_delay") ?? profile.Child("max_delay")) is { } at)
            {
                Error(
                    DiagnosticCodes.BaseDelayAboveMaxDelay,
                    at,
                    $"{profile.Path}.base_delay ({Text(options.BaseDelay)}) must not be above max_delay ({Text(options.MaxDelay)})");
            }

            IReadOnlyList<Setting> budgets = tree.Entries("retry_budgets");
            if (profile.Child("budget") is { Parsed: string budget } named && budgets.Count > 0 && budgets.All(b => b.Name != budget))
            {
                Warn(
                    DiagnosticCodes.UnknownBudget,
                    named,
                    $"{named.Path}: retry_budgets has no '{budget}'; "
                    + $"it gets the default size{DidYouMean(budget, budgets.Select(b => b.Name))}");
            }
        }
    }

    private void CheckIdempotency()
    {
        if (tree.Root.Child("idempotency") is not { HasFaults: false } node)
        {
            return;
        }

        IdempotencyOptions options = Effective("", new IdempotencyOptions());
        TimeSpan least = (2 * options.TimestampTolerance) + TimeSpan.FromMinutes(1);
        if (options.Ttl < least)
        {
            Setting at = node.Child("ttl") ?? node.Find("validation.timestamp_tolerance") ?? node;
            Error(
                DiagnosticCodes.TtlBelowTolerance,
                at,
                $"idempotency.ttl ({Text(options.Ttl)}) must be at least 2 · validation.timestamp_tolerance + 60s = {Text(least)}");
        }

        if (options.Lease >= options.Ttl)
        {
            Error(
                DiagnosticCodes.LeaseNotBelowTtl,
                node.Child("lease") ?? node.Child("ttl") ?? node,
                $"idempotency.lease ({Text(options.Lease)}) must be below ttl ({Text(options.Ttl)})");
        }
    }

    private void CheckSagas()
    {
        HashSet<string> profiles = Effective("", new RetryOptions()).ProfileNames.ToHashSet(StringComparer.Ordinal);
        TimeSpan lease = Effective("", new IdempotencyOptions()).Lease;
        foreach (Setting saga in tree.Entries("saga_compensations"))
        {
            IReadOnlyList<string>? known = registrations.Sagas.GetValueOrDefault(saga.Name);
            if (known is null)
            {
                string? near = Spelling.Suggest(saga.Name, registrations.Sagas.Keys.Where(s => tree.Root.Find("saga_compensations")!.Child(s) is null));

                // The saga of nearly that name would run without compensations.
                Add(
                    near is null ? TopologyDiagnosticSeverity.Info : TopologyDiagnosticSeverity.Warning,
                    DiagnosticCodes.SagaElsewhere,
                    saga,
                    $"{saga.Path}: no saga '{saga.Name}' is registered here{(near is null ? "" : $", and '{near}' has no table; did you mean '{near}'?")}");
            }

            var seen = new Dictionary<string, Setting>(StringComparer.Ordinal);
            foreach (Setting row in saga.Child("steps")?.Children ?? [])
            {
                if (OptionsFeeds.TextOf(row, "step_id") is { } step)
                {
                    Setting at = row.Child("step_id")!;
                    if (!seen.TryAdd(step, at))
                    {
                        Error(DiagnosticCodes.DuplicateStep, at, $"{at.Path}: step '{step}' has a row already{LineOf(seen[step])}");
                    }
                    else if (known is not null && !known.Contains(step))
                    {
                        Error(
                            DiagnosticCodes.UnknownStep,
                            at,
                            $"{at.Path}: saga '{saga.Name}' has no step '{step}'{DidYouMean(step, known)}");
                    }
                }

                if (OptionsFeeds.TextOf(row, "compensation_action.type") is { } action
                    && known is not null && !registrations.CompensationActions.Contains(action))
                {
                    Setting at = row.Find("compensation_action.type")!;
                    Error(
                        DiagnosticCodes.UnregisteredAction,
                        at,
                        $"{at.Path}: no compensation '{action}' is registered{DidYouMean(action, registrations.CompensationActions)}");
                }

                if (OptionsFeeds.TextOf(row, "compensation_action.backoff") is { } backoff && !profiles.Contains(backoff))
                {
                    Setting at = row.Find("compensation_action.backoff")!;
                    Error(
                        DiagnosticCodes.UnknownBackoff,
                        at,
                        $"{at.Path}: retry_config has no profile '{backoff}'{DidYouMean(backoff, profiles)}");
                }

                if (row.Find("compensation_action.timeout") is { IsFaulty: false, Parsed: TimeSpan timeout } setting && timeout >= lease)
                {
                    Warn(
                        DiagnosticCodes.TimeoutNotBelowLease,
                        setting,
                        $"{setting.Path} ({setting.Written}) is not below idempotency.lease ({Text(lease)}); "
                        + $"the claim is renewed while the try runs");
                }
            }
        }
    }

    private void CheckQueues()
    {
        IReadOnlyList<Setting> streams = tree.Entries("dlq_config.streams");
        var byName = new Dictionary<string, Setting>(StringComparer.Ordinal);
        foreach (Setting stream in streams)
        {
            if (OptionsFeeds.TextOf(stream, "name") is not { } name)
            {
                continue;
            }

            Setting at = stream.Child("name")!;
            string? other = byName.Keys.FirstOrDefault(n => DeadLetterQueueNames.ToPhysical(n) == DeadLetterQueueNames.ToPhysical(name));
            if (other is not null)
            {
                string same = other == name
                    ? $"'{name}' is listed already"
                    : $"'{name}' and '{other}' are both stream '{DeadLetterQueueNames.ToPhysical(name)}' on the server";
                Error(DiagnosticCodes.CollidingStream, at, $"{at.Path}: {same}{LineOf(byName[other])}");
                continue;
            }

            byName.Add(name, at);
        }

        CheckSubjects(streams);
        CheckMemory(streams);
        HashSet<string> queues = Effective("", new DeadLetterOptions()).QueueNames.ToHashSet(StringComparer.Ordinal);
        var consumers = new Dictionary<string, Setting>(StringComparer.Ordinal);
        foreach (Setting consumer in tree.Entries("dlq_config.consumers"))
        {
            if (OptionsFeeds.TextOf(consumer, "stream") is not { } stream)
            {
                continue;
            }

            Setting at = consumer.Child("stream")!;
            if (!queues.Contains(stream))
            {
                Error(DiagnosticCodes.UnknownStream, at, $"{at.Path}: dlq_config.streams has no '{stream}'{DidYouMean(stream, queues)}");
            }
            else if (!consumers.TryAdd(stream, at))
            {
                Error(DiagnosticCodes.SecondConsumer, at, $"{at.Path}: '{stream}' has a consumer already{LineOf(consumers[stream])}");
            }
            else if (!registrations.QueueProcessors.Contains(stream))
            {
                Info(DiagnosticCodes.ProcessorElsewhere, at, $"{at.Path}: no processor for '{stream}' is registered here");
            }
        }

        if (consumers.ContainsKey(DeadLetterQueueNames.ToolCall)
            && OptionsFeeds.Queue.Settings(tree, DeadLetterQueueNames.ToolCall).Select(s => s.Child("ack_wait")).FirstOrDefault(s => s is not null)
                is { IsFaulty: false, Parsed: TimeSpan ackWait } setting)
        {
            TimeSpan longest = Profile(RetryProfileNames.ToolCalls).MaxDelay;
            if (ackWait < longest)
            {
                Warn(
                    DiagnosticCodes.AckWaitBelowRetryDelay,
                    setting,
                    $"{setting.Path} ({setting.Written}) is below retry_config.tool_calls.max_delay ({Text(longest)}); "
                    + $"the letter is renewed while it waits");
            }
        }
    }

    private void CheckSubjects(IReadOnlyList<Setting> streams)
    {
        var seen = new List<(string Subject, Setting At)>();
        foreach (Setting subject in streams.SelectMany(s => s.Child("subjects")?.Children ?? []).Where(s => !s.IsFaulty))
        {
            string text = (string)subject.Parsed!;
            (string Subject, Setting At) other = seen.FirstOrDefault(s => Overlap(s.Subject, text));
            if (other.At is not null)
            {
                Error(
                    DiagnosticCodes.OverlappingSubjects,
                    subject,
                    $"{subject.Path}: '{text}' overlaps '{other.Subject}'{LineOf(other.At)}; a letter must have one queue");
            }

            seen.Add((text, subject));
        }
    }

    private void CheckMemory(IReadOnlyList<Setting> streams)
    {
        TimeSpan remembered = Effective("", new SagaOptions()).LongestLetterAge;
        foreach (Setting stream in registrations.Sagas.Count == 0 ? [] : streams)
        {
            if (stream.Child("max_age") is { IsFaulty: false, Parsed: TimeSpan age } at && age > remembered)
            {
                Warn(
                    DiagnosticCodes.LetterOutlivesSaga,
                    at,
                    $"{at.Path} ({at.Written}) is above sagas.longest_letter_age ({Text(remembered)}); an older letter may start an ended saga again");
            }
        }
    }

    private void CheckProbes()
    {
        foreach (Setting probe in OptionsFeeds.ProbeSettings(tree))
        {
            if (probe.Child("timeout_seconds") is { IsFaulty: false, Parsed: int timeout } at
                && probe.Child("period_seconds") is { IsFaulty: false, Parsed: int period }
                && timeout > period)
            {
                Warn(
                    DiagnosticCodes.ProbeTimeoutAbovePeriod,
                    at,
                    $"{at.Path} ({timeout}) is above period_seconds ({period}); probes would pile up");
            }
        }
    }

    /// <summary>A letter's own subject lies below the queue's, so one subject takes all that begin with it.</summary>
    private static bool Overlap(string a, string b) =>
        $"{a}.".StartsWith($"{b}.", StringComparison.Ordinal) || $"{b}.".StartsWith($"{a}.", StringComparison.Ordinal);

    private TOptions Effective<TOptions>(string name, TOptions options)
        where TOptions : class => Unvalidated.Options(name, options, services);

    private RetryProfileOptions Profile(string name) => Effective(name, RetryProfileOptions.ForProfile(name));

    private static string DidYouMean(string written, IEnumerable<string> names) =>
        Spelling.Suggest(written, names) is { } near ? $"; did you mean '{near}'?" : "";

    private static string LineOf(Setting first) =>
        first.Origin.Line > 0 ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $" (line {first.Origin.Line})") : "";

    private static string Text(TimeSpan value) => SettingText.Write(value);

    private void Error(int code, Setting at, string text) => Add(TopologyDiagnosticSeverity.Error, code, at, text);

    private void Warn(int code, Setting at, string text) => Add(TopologyDiagnosticSeverity.Warning, code, at, text);

    private void Info(int code, Setting at, string text) => Add(TopologyDiagnosticSeverity.Info, code, at, text);

    private void Add(TopologyDiagnosticSeverity severity, int code, Setting at, string text) =>
        diagnostics.Add(new TopologyDiagnostic(severity, code, at.Origin, at.Path, text));
}
