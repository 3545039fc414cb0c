using Platform.ServiceDefaults;

namespace Topology.Samples.Tests.Deploy;

/// <summary>Names on the server that the packages choose by themselves.</summary>
internal static class DeployedNames
{
    /// <summary>Gets where the work of sagas waits; a test starts the engine and compares.</summary>
    public static (string Stream, string Consumer) SagaItems => ("TOPOLOGY_SAGA_ITEMS", PlatformNames.RunSaga);
}
