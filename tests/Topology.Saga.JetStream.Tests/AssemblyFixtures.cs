using Topology.TestKit;

[assembly: AssemblyFixture(typeof(NatsFixture))]
