using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Topology.Dlq;
using Topology.Retry;

// A process with one guarded consumer, to be killed: dotnet Topology.Dlq.ChaosWorker.dll URL WORK-STREAM STARTS-SUBJECT QUEUE QUEUE-BYTES
var (url, stream, starts, queue, queueBytes) = (args[0], args[1], args[2], args[3], long.Parse(args[4], CultureInfo.InvariantCulture));
var builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders();
var connection = new NatsConnection(NatsOpts.Default with { Url = url, MaxReconnectRetry = -1 });
builder.Services.AddSingleton<INatsConnection>(connection);
builder.Services.AddSingleton(new Starts(new NatsJSContext(connection), starts));
builder.Services.AddTopologyDlq(options =>
{
    options.QueueNames.Clear();
    options.QueueNames.Add(queue);
    options.ProcessLetters = false;
});
builder.Services.Configure<DeadLetterQueueOptions>(queue, options => options.MaxBytes = queueBytes);
builder.Services.AddDeadLetterAlertSink<Alerts>();
builder.Services.AddJetStreamDeadLetterQueues(options =>
{
    options.Provision = DeadLetterProvisioning.Create;
    options.MaxMarkBytes = 64 << 20;
});
builder.Services.AddGuardedConsumer<Handler>("worker", options =>
{
    options.Stream = stream;
    options.Queue = queue;
    options.AckWait = TimeSpan.FromSeconds(1);
    options.OutageThreshold = 10_000;
});
await builder.Build().RunAsync();

internal sealed record Starts(NatsJSContext JetStream, string Subject);

/// <summary>Writes down that it was started with a message, and then does what the message says.</summary>
internal sealed class Handler(Starts starts) : IWorkHandler
{
    public async ValueTask<WorkVerdict> HandleAsync(WorkMessage message, CancellationToken cancellationToken)
    {
        var ack = await starts.JetStream.PublishAsync(starts.Subject, message.Body.ToArray(), cancellationToken: cancellationToken);
        ack.EnsureSuccess();
        var body = Encoding.UTF8.GetString(message.Body.Span);
        if (body.StartsWith("poison", StringComparison.Ordinal))
            Process.GetCurrentProcess().Kill();
        return body.StartsWith("bad", StringComparison.Ordinal) ? throw new PermanentException("bad") : WorkVerdict.Done;
    }
}

/// <summary>Writes alerts down beside the starts.</summary>
internal sealed class Alerts(Starts starts) : IDeadLetterAlertSink
{
    public string Name => "starts";

    public async ValueTask SendAsync(DeadLetterAlert alert, CancellationToken cancellationToken)
    {
        var ack = await starts.JetStream.PublishAsync(starts.Subject, Encoding.UTF8.GetBytes($"alert:{alert.Reason}"), cancellationToken: cancellationToken);
        ack.EnsureSuccess();
    }
}
