using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Topology.Dlq.Tests;

/// <summary>Dead letters in memory, under a clock that stands still.</summary>
internal sealed class DeadLetterHouse : IAsyncDisposable
{
    public const string Queue = DeadLetterQueueNames.WorkflowCompensation;

    private readonly ServiceProvider _services;

    public DeadLetterHouse(Action<IServiceCollection>? configure = null)
    {
        var services = new ServiceCollection();
        services.AddSingleton<TimeProvider>(Time);
        services.AddMetrics();
        services.AddTopologyDlq();
        configure?.Invoke(services);
        services.AddInMemoryDeadLetterQueues();
        _services = services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public IServiceProvider Services => _services;

    public IDeadLetterQueueProvider Provider => _services.GetRequiredService<IDeadLetterQueueProvider>();

    public IDeadLetterPublisher Publisher => _services.GetRequiredService<IDeadLetterPublisher>();

    public IDeadLetterStore Store => _services.GetRequiredService<IDeadLetterStore>();

    public IDeadLetterRedrive Redrive => _services.GetRequiredService<IDeadLetterRedrive>();

    public DeadLetter Letter(string id, string queue = Queue) => new()
    {
        Queue = queue,
        Id = id,
        Subject = "order_processing.payment_authorization",
        Tenant = "acme",
        Reason = DeadLetterReasons.CompensationExhausted,
        ErrorType = "System.TimeoutException",
        ErrorMessage = "no answer",
        Headers = [new("x-a", "1"), new("X-A", "2")],
        Body = new byte[] { 0, 1, 2, 255 },
        ContentType = "application/octet-stream",
        FirstFailedAt = Time.GetUtcNow(),
        LastFailedAt = Time.GetUtcNow(),
        Attempts = 3,
        WorkflowId = "run-1",
    };

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _services.GetService<IStartupValidator>()?.Validate();
        foreach (var hosted in _services.GetServices<IHostedService>())
            await hosted.StartAsync(cancellationToken);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var hosted in _services.GetServices<IHostedService>())
            await hosted.StopAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        // A loop may be in a pause of the clock that stands still by now.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await StopAsync(limit.Token);
        await _services.DisposeAsync();
    }
}
