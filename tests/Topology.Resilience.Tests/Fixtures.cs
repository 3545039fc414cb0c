global using Topology.TestKit;

[assembly: AssemblyFixture(typeof(NatsFixture))]
[assembly: AssemblyFixture(typeof(RedisFixture))]
