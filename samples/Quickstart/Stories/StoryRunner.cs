using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Quickstart.Shop;
using Topology.Dlq;
using Topology.Health;
using Topology.Retry;
using Topology.Saga;

namespace Quickstart.Stories;

/// <summary>Starts the host, plays the stories side by side against it, prints the table and says how it went.</summary>
internal static class StoryRunner
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>What the driver needs beside what the host needs.</summary>
    public static WebApplicationBuilder AddStories(this WebApplicationBuilder builder)
    {
        var account = new Account(Console.Out);
        builder.Services.AddSingleton(account);
        builder.Services.AddDeadLetterAlertSink<StoryAlertSink>();
        builder.Services.Configure<HealthOptions>(health => health.DrainDelay = TimeSpan.Zero); // no proxy waits to take this host out
        builder.Services.Configure<RetryProfileOptions>(RetryProfileNames.ToolCalls, profile => profile.OnRetry = retry => account.Say(
            "(retry)", string.Create(CultureInfo.InvariantCulture, $"{retry.Profile}: try {retry.Attempt} of {retry.MaxAttempts} failed, {retry.Exception?.Message}; next in {retry.Delay.TotalSeconds:0.00} s")));
        return builder;
    }

    /// <summary>Returns the process's exit code: 0 when every story does what it says, 1 otherwise.</summary>
    public static async Task<int> PlayStoriesAsync(this WebApplication app, QuickstartArguments arguments, LocalServers? servers)
    {
        if (arguments.Describe)
        {
            Console.Out.WriteLine(app.DescribeTopology());
            return 0;
        }

        var account = app.Services.GetRequiredService<Account>();
        var shop = app.Services.GetRequiredService<ShopSystems>();
        shop.Called += call => account.Say(StoryOf(call.Subject), Describe(call));

        app.Urls.Add("http://127.0.0.1:0");
        await app.StartAsync();
        var url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Introduce(account, app, arguments, servers, url);

        using var http = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromMinutes(2) };
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (!(await http.GetAsync("/health/ready", timeout.Token)).IsSuccessStatusCode)
        {
            await Task.Delay(100, timeout.Token); // the host has started; whether its servers answer is what readiness says
        }

        var stage = new StoryStage(
            http, shop, account, Options<RetryProfileOptions>(app, RetryProfileNames.Default), Options<RetryProfileOptions>(app, RetryProfileNames.ToolCalls),
            Options<SagaCompensationTableOptions>(app, "order_processing"));
        Story[] stories = [new OrderCompleted(), new DuplicateReplayed(), new FlakyToolRetried(), new OrderCompensated(), new CompensationDeadLettered(), new DeadLetterRedriven()];
        var facts = await Task.WhenAll(stories.Select(story => Task.Run(() => story.PlayAsync(stage, timeout.Token))));

        Report(account, facts);
        if (arguments.Json is { } path)
        {
            await File.WriteAllTextAsync(path, JsonSerializer.Serialize(facts, _json));
        }

        var ok = facts.Count(story => story.Ok);
        var verdict = $"quickstart: {ok} of {facts.Length} stories ok";
        if (arguments.Stay)
        {
            account.Line($"{verdict}; the host stays at {url} until Ctrl+C");
            await app.WaitForShutdownAsync();
        }

        await app.StopAsync();
        account.Line(verdict);
        return ok == facts.Length ? 0 : 1;
    }

    private static T Options<T>(WebApplication app, string name)
        where T : class => app.Services.GetRequiredService<IOptionsMonitor<T>>().Get(name);

    private static string StoryOf(string subject) => subject[..subject.LastIndexOf('-')];

    private static string Describe(ShopCall call) => string.Create(
        CultureInfo.InvariantCulture, $"{call.Action} try {call.Try}, given {call.Given} -> {(call.Failed ? "FAILED " : "")}{call.Outcome}");

    private static void Introduce(Account account, WebApplication app, QuickstartArguments arguments, LocalServers? servers, string url)
    {
        var storage = app.Configuration["Topology:idempotency:storage"];
        account.Line(servers is null
            ? $"{Path.GetFileName(arguments.Config)} names {storage ?? "no store"} for idempotency keys; this run keeps everything in memory, as Program.cs says with UseInMemory()."
            : $"this run keeps keys in Redis at {servers.Redis}, and dead letters on NATS at {servers.Nats}");
        var profiles = string.Join(", ", app.Services.GetRequiredService<IRetryPolicies>().Names);
        var queues = string.Join(", ", app.Services.GetRequiredService<IOptions<DeadLetterOptions>>().Value.QueueNames);
        account.Line($"retry profiles: {profiles}; dead-letter queues: {queues}");
        account.Line($"host: {url}, six stories side by side, with the file's own delays");
        account.Line();
    }

    private static void Report(Account account, StoryFacts[] facts)
    {
        account.Line();
        account.Line($"{"story",-28}{"ok",-5}{"time",-9}{"tries",-7}{"dead letters",-14}result");
        foreach (var story in facts)
        {
            account.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"{story.Name,-28}{(story.Ok ? "yes" : "NO"),-5}{$"{story.Seconds:0.00} s",-9}{story.Tries.Count,-7}{story.DeadLetters.Count,-14}{story.Result}"));
        }

        account.Line();
        foreach (var (story, problem) in facts.SelectMany(story => story.Problems.Select(problem => (story, problem))))
        {
            account.Line($"{story.Name}: {problem}");
        }
    }
}
