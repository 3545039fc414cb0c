using Platform.Demo;

// Plays a few runs against a running platform and shows what a client sees. Started by run.sh --demo.
if (args is not [var gateway, var realtime, var router])
{
    Console.Error.WriteLine("usage: Demo GATEWAY REALTIME ROUTER, each an address such as http://127.0.0.1:8000");
    return 2;
}

using var client = new PlatformClient(new Uri(gateway), new Uri(realtime), new Uri(router));
var ok = true;

Console.WriteLine("A run is carried out, and a client watches it over a WebSocket:");
ok &= await client.RunAsync("ada", expected: "Completed");

Console.WriteLine("\nThe CRM refuses: what was done is undone in reverse:");
await client.SetFaultAsync("grace", "crm_update", "refuse");
ok &= await client.RunAsync("grace", expected: "Compensated");

Console.WriteLine("\nThe mail server does not answer: nobody knows, so that step is undone too:");
await client.SetFaultAsync("edsger", "email_notification", "fail");
ok &= await client.RunAsync("edsger", expected: "Compensated");

Console.WriteLine("\nTen requests with one key:");
ok &= await client.SameKeyAsync("barbara", requests: 10);

Console.WriteLine("\nA document is taken apart:");
ok &= await client.DocumentAsync();

Console.WriteLine(ok ? "\ndemo: ok" : "\ndemo: FAILED");
return ok ? 0 : 1;
