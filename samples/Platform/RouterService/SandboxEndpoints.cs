namespace Platform.RouterService;

/// <summary>Looks at the sandbox, and makes it fail. Goes when the sandbox goes.</summary>
internal static class SandboxEndpoints
{
    public static void MapSandbox(this WebApplication app)
    {
        app.MapGet("/sandbox/runs/{runId}", (string runId, Sandbox sandbox) => sandbox.Calls(runId));
        app.MapPut("/sandbox/{customer}/{tool}/{fault:regex(^(refuse|fail|hold)$)}", (string customer, string tool, string fault, Sandbox sandbox) =>
            sandbox.Set(customer, tool, fault));
        app.MapDelete("/sandbox/{customer}/{tool}", (string customer, string tool, Sandbox sandbox) => sandbox.Set(customer, tool, null));
    }
}
