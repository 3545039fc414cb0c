using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Topology.Health.Tests;

// A test that needs a service in a process of its own starts this executable with these words.
if (args is ["service", var drainSeconds])
{
    var builder = WebApplication.CreateBuilder();
    builder.Logging.ClearProviders();
    builder.WebHost.UseUrls("http://127.0.0.1:0");
    builder.Services.AddTopologyHealth(options => options.DrainDelay = TimeSpan.FromSeconds(int.Parse(drainSeconds, CultureInfo.InvariantCulture)));
    await using var app = builder.Build();
    app.MapTopologyHealth();
    app.MapGet("/work", static async () =>
    {
        await Task.Delay(50, CancellationToken.None);
        return "done";
    });
    await app.StartAsync(CancellationToken.None);
    Console.WriteLine(app.Urls.Single());
    await app.WaitForShutdownAsync(CancellationToken.None);
    return 0;
}

return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
